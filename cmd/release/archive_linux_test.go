package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"testing"
)

// TestArchive: the archive of a release has the program, and every file that
// docs/install.md has installed by hand.
func TestArchive(t *testing.T) {
	data, err := os.ReadFile(oneFile(t, "*-linux-"+runtime.GOARCH+".tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if data, err = io.ReadAll(unpacked); err != nil {
		t.Fatal(err)
	}
	var names []string
	untar(t, data, func(h *tar.Header, _ []byte) { names = append(names, h.Name) })
	text, err := os.ReadFile(filepath.Join(root, "docs", "install.md"))
	if err != nil {
		t.Fatal(err)
	}
	wanted := regexp.MustCompile(`(?m)^    install .*?(packaging/\S+)`).FindAllStringSubmatch(string(text), -1)
	if len(wanted) < 6 {
		t.Errorf("docs/install.md installs %q", wanted)
	}
	for _, m := range append(wanted, []string{"", "keeptrack"}) {
		found := false
		for _, name := range names {
			matched, err := path.Match("*/"+m[1], name)
			if err != nil {
				t.Fatal(err)
			}
			found = found || matched
		}
		if !found {
			t.Errorf("the archive has no %s", m[1])
		}
	}
}
