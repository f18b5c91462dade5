package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the project's folder.
var root = filepath.Join("..", "..")

// documents returns the project's Markdown files, relative to its folder, with slashes.
func documents(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(root, func(path string, file fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch name, err := filepath.Rel(root, path); {
		case err != nil:
			return err
		case file.IsDir() && (name == ".git" || name == "dist"): // not the project's sources
			return fs.SkipDir
		case !file.IsDir() && filepath.Ext(name) == ".md":
			all = append(all, filepath.ToSlash(name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no documents")
	}
	return all
}

// TestDocumentsAreLinked: README leads to every document but the sources of man pages.
func TestDocumentsAreLinked(t *testing.T) {
	readme := readText(t, filepath.Join(root, "README.md"))
	for _, name := range documents(t) {
		if name != "README.md" && !strings.HasPrefix(name, "cmd/keeptrack/testdata/man/") && !strings.Contains(readme, "]("+name+")") {
			t.Errorf("README.md does not link to %s", name)
		}
	}
}

// TestDocumentsLinkToWhatThereIs: files and headings that documents link to exist.
func TestDocumentsLinkToWhatThereIs(t *testing.T) {
	for _, name := range documents(t) {
		for _, link := range matches(`\]\(([^)\s]+)\)`, readText(t, filepath.Join(root, name))) {
			if strings.Contains(link, "://") {
				continue
			}
			file, heading, _ := strings.Cut(link, "#")
			target := filepath.Join(root, name)
			if file != "" {
				target = filepath.Join(filepath.Dir(target), file)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s: %v", name, link, err)
			} else if heading != "" && !slices.Contains(anchors(readText(t, target)), heading) {
				t.Errorf("%s links to %s: there is no such heading", name, link)
			}
		}
	}
}

// anchors returns what links to the headings of a document end in.
func anchors(text string) []string {
	var all []string
	for _, heading := range matches(`(?m)^#+ (.*)$`, text) {
		plain := regexp.MustCompile(`[^\p{L}\p{N}_ -]`).ReplaceAllString(strings.ToLower(heading), "")
		all = append(all, strings.ReplaceAll(plain, " ", "-"))
	}
	return all
}

// TestDocumentsNameWhatThereIs: the files and folders that CONTRIBUTING and
// the design name in code style exist. `*` and NAME stand for any name.
func TestDocumentsNameWhatThereIs(t *testing.T) {
	for _, name := range []string{"CONTRIBUTING.md", "docs/internals/design.md"} {
		paths := matches("`((?:cmd|docs|livesync|migrations|packaging|store|tools|tracker|\\.ci|\\.github)/[^` ]*)`", readText(t, filepath.Join(root, name)))
		if len(paths) == 0 {
			t.Errorf("%s names no file", name)
		}
		for _, path := range paths {
			found, err := filepath.Glob(filepath.Join(root, strings.ReplaceAll(path, "NAME", "*")))
			if err != nil || len(found) == 0 {
				t.Errorf("%s names %s, which does not exist", name, path)
			}
		}
	}
}

// TestRecipesNameWhatThereIs: what CONTRIBUTING names in code style like an identifier
// of Go is in the source.
func TestRecipesNameWhatThereIs(t *testing.T) {
	var source strings.Builder
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".go" {
			source.WriteString(readText(t, path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]bool{}
	for _, w := range regexp.MustCompile(`\w+`).FindAllString(source.String(), -1) {
		words[w] = true
	}
	names := matches("`(?:[a-zA-Z]+\\.)?([a-zA-Z]+)(?:\\(\\w*\\))?`", readText(t, filepath.Join(root, "CONTRIBUTING.md")))
	if len(names) == 0 {
		t.Error("CONTRIBUTING.md names nothing")
	}
	for _, name := range names {
		if !words[name] {
			t.Errorf("CONTRIBUTING.md names %s, which is not in the source", name)
		}
	}
}
