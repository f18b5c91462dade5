package store

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"keeptrack/cmd/testenv"
	"keeptrack/store/safefile"
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

// restore is Restore of the file in.
func restore(in, path string) error {
	f, err := safefile.OpenInput(in)
	if err != nil {
		return err
	}
	return Restore(f, path)
}

// lockAt is lock for the file at path.
func lockAt(path string) (f *os.File, created bool, err error) {
	at, err := safefile.Locate(path)
	if err != nil {
		return nil, false, err
	}
	defer at.Close()
	return lock(at)
}

// wantOwner expects a file to belong to a user and a group.
func wantOwner(t *testing.T, path string, want safefile.Owner) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, err := safefile.OwnerOf(f); err != nil || got != want {
		t.Errorf("%s: owner %+v, %v, want %+v", path, got, err, want)
	}
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
			if err := restore(in, path); err != nil {
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
	testenv.NeedRoot(t)
	in, _ := filledFile(t)
	owner := safefile.Owner{UID: 12345, GID: 54321}
	for _, exists := range []bool{true, false} {
		path := testPath(t)
		if err := os.Chown(filepath.Dir(path), 12345, 54321); err != nil {
			t.Fatal(err)
		}
		if exists {
			closeStore(t, openStore(t, path))
			owner.GID = 1
			if err := os.Chown(path, 12345, 1); err != nil {
				t.Fatal(err)
			}
		}
		if err := restore(in, path); err != nil {
			t.Fatal(err)
		}
		wantOwner(t, path, owner)
		owner.GID = 54321
	}
}

// TestRestoreReplacesTheOwnersFileAlone: what is neither the folder's owner's nor
// a regular file stays.
func TestRestoreReplacesTheOwnersFileAlone(t *testing.T) {
	testenv.NeedRoot(t)
	in, _ := filledFile(t)
	for _, c := range []struct {
		name string
		make func(t *testing.T, path, other string) error
		want string
	}{
		{"another's file", func(t *testing.T, path, _ string) error { write(t, path, nil); return os.Chown(path, 4321, 4321) }, "belongs to user 4321"},
		{"root's file in another's folder", func(t *testing.T, path, _ string) error {
			write(t, path, nil)
			return os.Chown(filepath.Dir(path), 12345, 12345)
		}, "belongs to user 0"},
		{"link to no file", func(_ *testing.T, path, other string) error { return os.Symlink(other+"x", path) }, "does not exist"},
		{"another's link", func(_ *testing.T, path, other string) error {
			return errors.Join(os.Symlink(other, path), os.Lchown(path, 12345, 12345))
		}, "user 12345 decides"},
		{"another's link to no file", func(_ *testing.T, path, other string) error {
			return errors.Join(os.Symlink(other+"x", path), os.Lchown(path, 12345, 12345))
		}, "does not exist"},
		{"root's link in another's folder", func(_ *testing.T, path, other string) error {
			return errors.Join(os.Symlink(other, path), os.Chown(filepath.Dir(path), 12345, 12345))
		}, "user 12345 decides"},
		{"link in the path to the folder", func(_ *testing.T, path, other string) error {
			dir := filepath.Dir(path)
			return errors.Join(os.Remove(dir), os.Symlink(filepath.Dir(other), dir), os.Lchown(dir, 12345, 12345))
		}, "user 12345 decides"},
		{"folder", func(_ *testing.T, path, _ string) error { return os.Mkdir(path, 0o700) }, "not a regular file"},
		{"pipe", func(_ *testing.T, path, _ string) error { return unix.Mkfifo(path, 0o600) }, "not a regular file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "folder")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			path, other := filepath.Join(dir, "test.db"), filepath.Join(t.TempDir(), "test.db")
			write(t, other, []byte("precious"))
			if err := c.make(t, path, other); err != nil {
				t.Fatal(err)
			}
			before, err := os.Lstat(path)
			if err != nil {
				t.Fatal(err)
			}
			for name, do := range map[string]func() error{
				"restore": func() error { return restore(in, path) },
				"save": func() error {
					_, err := Save(path, func(w io.Writer) error { return BackupFile(in, w) })
					return err
				},
				"open":    func() error { _, err := Open(path, zerolog.Nop()); return err },
				"compact": func() error { _, _, err := Compact(path); return err },
			} {
				if name != "restore" && strings.Contains(c.want, "belongs") {
					continue // is for restore alone
				}
				if err := do(); err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s: error %v, want %q", name, err, c.want)
				}
				if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) {
					t.Errorf("%s: replaced: %v", name, err)
				}
				if got := string(read(t, other)); got != "precious" {
					t.Errorf("%s: the link's target holds %q", name, got)
				}
			}
			wantAlone(t, filepath.Dir(other), "test.db")
			wantAlone(t, dir, "test.db")
		})
	}
}

// TestOwnLinkIsFollowed: the file is replaced, and not the link.
func TestOwnLinkIsFollowed(t *testing.T) {
	in, all := filledFile(t)
	for name, do := range map[string]func(path string) error{
		"restore": func(path string) error { return restore(in, path) },
		"save": func(path string) error {
			_, err := Save(path, func(w io.Writer) error { return BackupFile(in, w) })
			return err
		},
		"compact": func(path string) error {
			if err := restore(in, path); err != nil {
				return err
			}
			_, _, err := Compact(path)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			path, _ := present(t)
			link := filepath.Join(t.TempDir(), "link.db")
			if err := os.Symlink(path, link); err != nil {
				t.Fatal(err)
			}
			if err := do(link); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Lstat(link); err != nil || info.Mode().Type() != os.ModeSymlink {
				t.Errorf("the link is gone: %v", err)
			}
			wantAlone(t, filepath.Dir(link), "link.db")
			wantAlone(t, filepath.Dir(path), "test.db")
			wantRecords(t, contents(t, path), all)
		})
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
				return corrupt(nth(recordTable.in(tx).base, 0), recordTable.value, chunkHeader)
			})
		}, ErrDamaged},
		{"open", func(t *testing.T, in string) { openStore(t, in) }, ErrInUse},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := filepath.Join(t.TempDir(), "in.db")
			c.make(t, in)
			path, before := present(t)
			err := restore(in, path)
			if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), in) {
				t.Errorf("error %v, want %v with the path", err, c.is)
			}
			if !bytes.Equal(read(t, path), before) {
				t.Error("the present database has changed")
			}
			wantAlone(t, filepath.Dir(path), "test.db")

			none := filepath.Join(t.TempDir(), "none.db")
			if err := restore(in, none); err == nil {
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
	if err := restore(link, path); err == nil {
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
	if err := restore(in, path); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), path) {
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
			if err := restore(in, path); err != nil {
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
