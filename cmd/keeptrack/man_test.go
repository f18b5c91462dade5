package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/spf13/cobra/doc"

	"keeptrack/cmd/internal/config"
)

var updateMan = flag.Bool("update", false, "write the man pages anew")

// manDir is where the man pages are.
var manDir = filepath.Join("..", "..", "packaging", "man")

// manDate keeps the pages as they are while nothing else changes.
var manDate = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// writeManPages writes the pages into a folder: one a command with what testdata/man has
// for it, and keeptrack.toml(5).
func writeManPages(t *testing.T, dir string) {
	t.Helper()
	commands := newRootCommand()
	commands.InitDefaultCompletionCmd()
	commands.DisableAutoGenTag = true
	header := &doc.GenManHeader{Section: "1", Source: "keeptrack", Manual: "keeptrack", Date: &manDate}
	if err := doc.GenManTree(commands, header, dir); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"keeptrack", "keeptrack-serve"} {
		path := filepath.Join(dir, command+".1")
		before, after, found := strings.Cut(readText(t, path), ".SH SEE ALSO")
		_, more, cut := strings.Cut(rendered(readText(t, filepath.Join("testdata", "man", command+".md")), command, "1"), ".SH ")
		if !found || !cut {
			t.Fatalf("%s has no place for more", path)
		}
		writeText(t, path, before+".SH "+more+"\n\n.SH SEE ALSO"+after)
	}
	config := readText(t, filepath.Join("testdata", "man", "keeptrack.toml.md")) + config.Reference() +
		"\n## SEE ALSO\n\n**keeptrack-serve(1)**, **keeptrack-config(1)**\n"
	writeText(t, filepath.Join(dir, "keeptrack.toml.5"), rendered(config, "keeptrack.toml", "5"))
}

// rendered returns Markdown as a man page.
func rendered(text, name, section string) string {
	title := fmt.Sprintf("%% %q %q %q \"keeptrack\" \"keeptrack\"\n", strings.ToUpper(name), section, manDate.Format("Jan 2006"))
	return string(md2man.Render([]byte(title + text)))
}

func writeText(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestManPagesAreUpToDate holds the pages equal to what the commands and keys say.
func TestManPagesAreUpToDate(t *testing.T) {
	made := t.TempDir()
	writeManPages(t, made)
	if *updateMan {
		if err := firstError(os.RemoveAll(manDir), os.CopyFS(manDir, os.DirFS(made))); err != nil {
			t.Fatal(err)
		}
	}
	pages := map[string]bool{}
	for _, dir := range []string{made, manDir} {
		for _, name := range names(t, dir) {
			pages[name] = true
		}
	}
	for name := range pages {
		want, wantErr := os.ReadFile(filepath.Join(made, name))
		got, err := os.ReadFile(filepath.Join(manDir, name))
		if firstError(wantErr, err) != nil || !bytes.Equal(got, want) {
			t.Errorf("packaging/man/%s differs from what commands and keys say; run: go test ./cmd/keeptrack -run ManPages -update", name)
		}
	}
}

func TestCompletions(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if got := keeptrack("completion", shell); got.status != statusDone || !strings.Contains(got.stdout, "__complete") {
			t.Errorf("%s: status %d, %d bytes, %s", shell, got.status, len(got.stdout), got.stderr)
		}
	}
	if got := keeptrack("__complete", "config", "ch"); got.status != statusDone || !strings.HasPrefix(got.stdout, "check\t") {
		t.Errorf("config ch: %+v", got)
	}
}
