package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
)

// present returns the path of a database that is not to be lost, and its bytes.
func present(t *testing.T) (path string, b []byte) {
	t.Helper()
	path = testPath(t)
	s, src := openLoaded(t, path)
	src.put(record(7, 7))
	checkpoint(t, s, src)
	closeStore(t, s)
	return path, read(t, path)
}

func TestRestore(t *testing.T) {
	in, all := filledFile(t)
	damaged := func(t *testing.T, path string) { write(t, path, []byte("what a disk left of it")) }
	for name, before := range map[string]func(t *testing.T, path string){
		"over a database":       func(t *testing.T, path string) { closeStore(t, openStore(t, path)) },
		"over a damaged file":   damaged,
		"where there is none":   func(*testing.T, string) {},
		"after an interruption": func(t *testing.T, path string) { damaged(t, path+".restore") },
	} {
		t.Run(name, func(t *testing.T) {
			path := testPath(t)
			before(t, path)
			if err := Restore(in, path); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if mode := info.Mode().Perm(); mode != 0o600 {
				t.Errorf("mode %o, want 600", mode)
			}
			wantAlone(t, filepath.Dir(path), "test.db")
			wantRecords(t, contents(t, path), all)
			wantRecords(t, contents(t, in), all)
		})
	}
}

func TestRestoreKeepsTheOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give files away")
	}
	in, _ := filledFile(t)
	for _, exists := range []bool{true, false} {
		path := testPath(t)
		give := filepath.Dir(path)
		if exists {
			closeStore(t, openStore(t, path))
			give = path
		}
		if err := os.Chown(give, 12345, 54321); err != nil {
			t.Fatal(err)
		}
		if err := Restore(in, path); err != nil {
			t.Fatal(err)
		}
		if owner, err := ownerOf(path, false); err != nil || owner.Uid != 12345 || owner.Gid != 54321 {
			t.Errorf("existing %v: owner %+v, %v", exists, owner, err)
		}
	}
}

func TestRestoreRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(t *testing.T, in string)
		is   error
	}{
		{"no file", func(t *testing.T, in string) {}, os.ErrNotExist},
		{"empty", func(t *testing.T, in string) { write(t, in, nil) }, ErrEmpty},
		{"newer", func(t *testing.T, in string) { writeMeta(t, in, []byte{0, 0, 0, 99}) }, ErrNewer},
		{"text", func(t *testing.T, in string) { write(t, in, bytes.Repeat([]byte("hello\n"), 9999)) }, nil},
		{"cut short", func(t *testing.T, in string) {
			from, _ := filledFile(t)
			write(t, in, read(t, from)[:64<<10])
		}, ErrDamaged},
		{"page damaged", func(t *testing.T, in string) {
			from, _ := filledFile(t)
			b := read(t, from)
			clear(b[2*os.Getpagesize() : len(b)/2])
			write(t, in, b)
		}, ErrDamaged},
		{"value damaged", func(t *testing.T, in string) {
			from, _ := filledFile(t)
			write(t, in, read(t, from))
			edit(t, in, func(tx *bbolt.Tx) error {
				return corrupt(tx.Bucket(bucketBase).Bucket([]byte{1}), keyState, baseHeader)
			})
		}, ErrDamaged},
		{"open", func(t *testing.T, in string) { openStore(t, in) }, ErrInUse},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := filepath.Join(t.TempDir(), "in.db")
			c.make(t, in)
			path, before := present(t)
			err := Restore(in, path)
			if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), in) {
				t.Errorf("error %v, want %v with the path", err, c.is)
			}
			if !bytes.Equal(read(t, path), before) {
				t.Error("the present database has changed")
			}
			wantAlone(t, filepath.Dir(path), "test.db")

			none := filepath.Join(t.TempDir(), "none.db")
			if err := Restore(in, none); err == nil {
				t.Error("restored where there is none")
			}
			wantAlone(t, filepath.Dir(none))
		})
	}
}

func TestRestoreOverItself(t *testing.T) {
	path, before := present(t)
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if err := Restore(link, path); err == nil {
		t.Error("restored over itself")
	}
	if !bytes.Equal(read(t, path), before) {
		t.Error("the database has changed")
	}
}

func TestRestoreWhileADaemonRuns(t *testing.T) {
	in, _ := filledFile(t)
	path := testPath(t)
	s, src := openLoaded(t, path)
	if err := Restore(in, path); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want ErrInUse with the path", err)
	}
	src.put(record(1, 1))
	checkpoint(t, s, src)
	wantRecords(t, loadAll(t, s), src.all())
}

// TestLeftoversAreNotWrittenTo: what has the name of a temporary file is taken
// away, not followed, and lends its mode to nothing.
func TestLeftoversAreNotWrittenTo(t *testing.T) {
	in, all := filledFile(t)
	for name, leave := range map[string]func(t *testing.T, part, other string) error{
		"link":             func(t *testing.T, part, other string) error { return os.Symlink(other, part) },
		"readable for all": func(t *testing.T, part, _ string) error { write(t, part, nil); return os.Chmod(part, 0o644) },
		"link to no file":  func(t *testing.T, part, other string) error { return os.Symlink(other+"x", part) },
	} {
		t.Run(name, func(t *testing.T) {
			path, _ := present(t)
			other := filepath.Join(t.TempDir(), "other")
			write(t, other, []byte("precious"))
			if err := leave(t, path+".restore", other); err != nil {
				t.Fatal(err)
			}
			if err := Restore(in, path); err != nil {
				t.Fatal(err)
			}
			info, err := os.Lstat(path)
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode() != 0o600 {
				t.Errorf("mode %v, want 600", info.Mode())
			}
			if got := string(read(t, other)); got != "precious" {
				t.Errorf("another file now holds %d bytes", len(got))
			}
			wantAlone(t, filepath.Dir(other), "other")
			wantRecords(t, contents(t, path), all)
		})
	}
}
