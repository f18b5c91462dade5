package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra/doc"
)

var updateMan = flag.Bool("update", false, "write the man pages anew")

// manDir is where the man pages are.
var manDir = filepath.Join("..", "..", "packaging", "man")

// TestManPagesAreUpToDate holds the pages equal to what the commands say.
func TestManPagesAreUpToDate(t *testing.T) {
	made := t.TempDir()
	root := newRootCommand()
	root.InitDefaultCompletionCmd()
	root.DisableAutoGenTag = true
	// A fixed date keeps the pages as they are while nothing else changes.
	date := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	header := &doc.GenManHeader{Section: "1", Source: "keeptrack", Manual: "keeptrack", Date: &date}
	if err := doc.GenManTree(root, header, made); err != nil {
		t.Fatal(err)
	}
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
			t.Errorf("packaging/man/%s differs from what the commands say; run: go test ./cmd/keeptrack -run ManPages -update", name)
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
