package safefile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// tree makes a folder with files, folders and links, and returns its path.
func tree(t testing.TB) string {
	t.Helper()
	top := t.TempDir()
	for _, step := range []error{
		os.MkdirAll(filepath.Join(top, "a", "b"), 0o700),
		os.WriteFile(filepath.Join(top, "a", "file"), []byte("whole"), 0o600),
		os.Symlink("file", filepath.Join(top, "a", "near")),
		os.Symlink(".././near", filepath.Join(top, "a", "b", "far")),
		os.Symlink(filepath.Join(top, "a"), filepath.Join(top, "absolute")),
		os.Symlink("nothing", filepath.Join(top, "dangling")),
		os.Symlink("none/nothing", filepath.Join(top, "nowhere")),
		os.Symlink("loop", filepath.Join(top, "loop")),
		os.Symlink("a/b", filepath.Join(top, "ab")),
	} {
		if step != nil {
			t.Fatal(step)
		}
	}
	return top
}

func TestLocate(t *testing.T) {
	top := tree(t)
	for _, c := range []struct {
		name, path, want string
		err              error
	}{
		{"file", "a/file", "a/file", nil},
		{"no file", "a/new", "a/new", nil},
		{"link", "a/near", "a/file", nil},
		{"link by way of another", "ab/far", "a/file", nil},
		{"up from a link's folder", "ab/../file", "a/file", nil},
		{"through an absolute link", "absolute/new", "a/new", nil},
		{"empty and single-dot components", "a//.//file", "a/file", nil},
		{"folder", "a/b", "a/b", nil},
		{"link to no file", "dangling", "", errDangling},
		{"link into no folder", "nowhere", "", errDangling},
		{"loop", "loop", "", unix.ELOOP},
		{"file as a folder", "a/file/x", "", unix.ENOTDIR},
		{"no folder", "c/x", "", fs.ErrNotExist},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := Locate(top + "/" + c.path)
			if c.err != nil {
				if !errors.Is(err, c.err) || !strings.Contains(err.Error(), top) {
					t.Errorf("error %v, want %v with the path", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			if want := filepath.Join(top, c.want); p.Path() != want {
				t.Errorf("got %s, want %s", p.Path(), want)
			}
		})
	}
	if _, err := Locate(""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no path: %v", err)
	}
}

// FuzzLocate compares a walk with what the standard library makes of the path.
func FuzzLocate(f *testing.F) {
	top := tree(f)
	for _, s := range []string{"a/file", "a/b/far", "absolute/./b/../near", "ab/../../a", "dangling", "loop", "a/new", "../..", "a/file/.."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.Count(s, "..") > 1 { // stay in the tree
			return
		}
		p, err := Locate(top + "/" + s)
		want, wantErr := filepath.EvalSymlinks(top + "/" + s)
		if err != nil {
			if wantErr == nil {
				t.Errorf("%q: %v, want %s", s, err, want)
			}
			return
		}
		defer p.Close()
		got := p.Path()
		if wantErr == nil && got != want {
			t.Errorf("%q: got %s, want %s", s, got, want)
		}
		if _, err := os.Lstat(got); wantErr != nil && err == nil {
			t.Errorf("%q: got %s, want %v", s, got, wantErr)
		}
	})
}

func TestOpenTakesRegularFilesAlone(t *testing.T) {
	top := tree(t)
	if err := unix.Mkfifo(filepath.Join(top, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pipe", "a"} {
		p, err := Locate(filepath.Join(top, name))
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		for _, flag := range []int{os.O_RDONLY, os.O_RDWR} {
			if f, err := p.Open(flag); !errors.Is(err, ErrNotRegular) || !strings.Contains(err.Error(), p.Path()) {
				t.Errorf("%s: %v, %v", name, f, err)
			}
		}
	}
}

// TestLinkPutThereMeanwhile: a place is no way round the look at links.
func TestLinkPutThereMeanwhile(t *testing.T) {
	top := tree(t)
	p, err := Locate(filepath.Join(top, "new"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := os.Symlink(filepath.Join(top, "a", "file"), p.Path()); err != nil {
		t.Fatal(err)
	}
	if f, err := p.Open(os.O_RDWR); err == nil {
		t.Errorf("opened %s through a link", f.Name())
	}
	if f, err := p.Create(); !errors.Is(err, fs.ErrExist) {
		t.Errorf("made %v, %v", f, err)
	}
}

// TestFolderReplacedMeanwhile: what is done at a place is done in the folder that
// was there.
func TestFolderReplacedMeanwhile(t *testing.T) {
	top := tree(t)
	p, err := Locate(filepath.Join(top, "a", "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	old, other := filepath.Join(top, "old"), t.TempDir()
	if err := errors.Join(os.Rename(filepath.Join(top, "a"), old), os.Symlink(other, filepath.Join(top, "a"))); err != nil {
		t.Fatal(err)
	}
	part, err := p.Temp(".part")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(part, "new"); err != nil {
		t.Fatal(err)
	}
	if err := part.Commit(); err != nil {
		t.Fatal(err)
	}
	part.Discard()
	if b, err := os.ReadFile(filepath.Join(old, "file")); err != nil || string(b) != "new" {
		t.Errorf("the file holds %q, %v", b, err)
	}
	if entries, err := os.ReadDir(other); err != nil || len(entries) > 0 {
		t.Errorf("the other folder holds %v, %v", entries, err)
	}
}

func TestTempIsNew(t *testing.T) {
	for name, leave := range map[string]func(part, other string) error{
		"nothing":          func(string, string) error { return nil },
		"link":             func(part, other string) error { return os.Symlink(other, part) },
		"hard link":        func(part, other string) error { return os.Link(other, part) },
		"readable for all": func(part, _ string) error { return os.WriteFile(part, nil, 0o644) },
		"pipe":             func(part, _ string) error { return unix.Mkfifo(part, 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			top := tree(t)
			other := filepath.Join(top, "a", "file")
			p, err := Locate(filepath.Join(top, "x"))
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			if err := leave(p.Path()+".part", other); err != nil {
				t.Fatal(err)
			}
			part, err := p.Temp(".part")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(part, "new"); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Lstat(part.Name()); err != nil || info.Mode() != 0o600 {
				t.Errorf("made %v, %v", info, err)
			}
			if b, err := os.ReadFile(other); err != nil || string(b) != "whole" {
				t.Errorf("the other file holds %q, %v", b, err)
			}
			part.Discard()
			if _, err := os.Lstat(p.Path() + ".part"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("still there: %v", err)
			}
		})
	}
}

// TestInputs: a shell passes pipes as /dev/fd/N, a link to no file by name.
func TestInputs(t *testing.T) {
	top := tree(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.WriteString(w, "whole"); err != nil {
		t.Fatal(err)
	}
	w.Close()
	for name, path := range map[string]string{
		"file": filepath.Join(top, "a", "file"),
		"link": filepath.Join(top, "ab", "far"),
		"pipe": filepath.Join("/dev/fd", itoa(r.Fd())),
	} {
		f, err := OpenInput(path)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if b, err := io.ReadAll(f); err != nil || string(b) != "whole" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
		f.Close()
	}
	if f, err := OpenInput(filepath.Join(top, "dangling")); !errors.Is(err, errDangling) {
		t.Errorf("link to no file: %v, %v", f, err)
	}
}
