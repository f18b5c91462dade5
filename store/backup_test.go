package store

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"keeptrack/tracker"
)

// contents returns everything in a file.
func contents(t *testing.T, path string) map[tracker.InfoHash]tracker.Record {
	t.Helper()
	s := openStore(t, path)
	defer closeStore(t, s)
	return loadAll(t, s)
}

// wantAlone fails the test if there is anything in dir but the files named.
func wantAlone(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("files %q, want %q", got, names)
	}
}

// TestBackupIsOfOneMoment takes a copy while checkpoints go on.
func TestBackupIsOfOneMoment(t *testing.T) {
	s, src := openLoaded(t, testPath(t))
	for i := range 20_000 {
		src.put(record(i, 1))
	}
	checkpoint(t, s, src)
	want := src.all()
	out := filepath.Join(t.TempDir(), "copy.db")
	once := false
	size, err := Save(out, func(w io.Writer) error {
		return s.Backup(writerFunc(func(b []byte) (int, error) {
			if !once {
				once = true
				for version := range uint32(5) {
					for i := range 20_000 {
						src.put(record(i, 2+version))
					}
					checkpoint(t, s, src)
				}
			}
			return w.Write(b)
		}))
	})
	if err != nil {
		t.Fatal(err)
	}
	wantSound(t, out)
	info, err := os.Stat(out)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 || info.Size() != size {
		t.Errorf("mode %o, size %d of %d", info.Mode().Perm(), info.Size(), size)
	}
	wantRecords(t, contents(t, out), want)
	wantRecords(t, loadAll(t, s), src.all())
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestBackupFile(t *testing.T) {
	path, all := filledFile(t)
	out := filepath.Join(t.TempDir(), "copy.db")
	fromFile := func(w io.Writer) error { return BackupFile(path, w) }
	for range 2 { // the second takes the place of the first
		if _, err := Save(out, fromFile); err != nil {
			t.Fatal(err)
		}
		wantRecords(t, contents(t, out), all)
		wantAlone(t, filepath.Dir(out), "copy.db")
	}
	s := openStore(t, path)
	if _, err := Save(out, fromFile); !errors.Is(err, ErrInUse) {
		t.Errorf("error %v, want ErrInUse", err)
	}
	closeStore(t, s)
	wantRecords(t, contents(t, out), all)
}

func TestSaveKeepsWhatWasThere(t *testing.T) {
	path, _ := filledFile(t)
	whole := read(t, path)
	cut := errors.New("the connection broke")
	for _, c := range []struct {
		name  string
		write func(w io.Writer) error
		is    error
	}{
		{"failure on the way", func(w io.Writer) error {
			_, err := w.Write(whole[:len(whole)/2])
			return errors.Join(err, cut)
		}, cut},
		{"cut short unnoticed", func(w io.Writer) error {
			_, err := w.Write(whole[:len(whole)/2])
			return err
		}, ErrDamaged},
		{"damaged on the way", func(w io.Writer) error {
			b := bytes.Clone(whole)
			clear(b[len(b)/4 : 3*len(b)/4])
			_, err := w.Write(b)
			return err
		}, ErrDamaged},
		{"nothing", func(io.Writer) error { return nil }, ErrEmpty},
		{"something else", func(w io.Writer) error {
			_, err := io.WriteString(w, strings.Repeat("404 not found\n", 1000))
			return err
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "copy.db")
			write(t, out, []byte("precious"))
			if _, err := Save(out, c.write); err == nil || !errors.Is(err, c.is) && c.is != nil {
				t.Errorf("error %v, want %v", err, c.is)
			}
			if got := string(read(t, out)); got != "precious" {
				t.Errorf("what was there is now %q", got)
			}
			wantAlone(t, filepath.Dir(out), "copy.db")
		})
	}
}

func TestSaveWhereItCannot(t *testing.T) {
	dir := t.TempDir()
	never := func(io.Writer) error {
		t.Error("written")
		return nil
	}
	if _, err := Save(dir, never); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("onto a directory: %v", err)
	}
	if _, err := Save(filepath.Join(dir, "missing", "copy.db"), never); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("into no directory: %v", err)
	}
}

// TestSaveOverAnOpenDatabase: a daemon would go on with a file that is gone.
func TestSaveOverAnOpenDatabase(t *testing.T) {
	in, _ := filledFile(t)
	path := testPath(t)
	s, src := openLoaded(t, path)
	_, err := Save(path, func(w io.Writer) error { return BackupFile(in, w) })
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want ErrInUse with the path", err)
	}
	wantAlone(t, filepath.Dir(path), "test.db")
	src.put(record(1, 1))
	checkpoint(t, s, src)
	s, _ = reopen(t, s)
	wantRecords(t, loadAll(t, s), src.all())
}

// TestSaveKeepsOthersOut: nobody opens as a database what is being replaced.
func TestSaveKeepsOthersOut(t *testing.T) {
	in, all := filledFile(t)
	path, _ := present(t)
	_, err := Save(path, func(w io.Writer) error {
		if f, _, err := lockAt(path); !errors.Is(err, ErrInUse) {
			t.Errorf("%v locked meanwhile: %v", f, err)
		}
		return BackupFile(in, w)
	})
	if err != nil {
		t.Fatal(err)
	}
	wantRecords(t, contents(t, path), all)
}

func TestCompact(t *testing.T) {
	path, all := filledFile(t)
	before := read(t, path)
	was, is, err := Compact(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if was != int64(len(before)) || is != info.Size() || is >= was || info.Mode().Perm() != 0o600 {
		t.Errorf("%d bytes of %d, the file has %d, mode %o", is, was, info.Size(), info.Mode().Perm())
	}
	wantSound(t, path)
	wantAlone(t, filepath.Dir(path), "test.db")
	s, src := openLoaded(t, path)
	wantRecords(t, src.all(), all)
	for i := range 1000 {
		src.put(record(i, 5000))
	}
	checkpoint(t, s, src)
	wantRecords(t, loadAll(t, s), src.all())
}

func TestCompactKeepsTheSecret(t *testing.T) {
	path, _ := filledFile(t)
	s := openStore(t, path)
	secret := s.Secret()
	closeStore(t, s)
	if _, _, err := Compact(path); err != nil {
		t.Fatal(err)
	}
	if again := openStore(t, path).Secret(); !bytes.Equal(again, secret) {
		t.Error("another secret")
	}
}

func TestCompactRefuses(t *testing.T) {
	path, _ := filledFile(t)
	s := openStore(t, path)
	if _, _, err := Compact(path); !errors.Is(err, ErrInUse) {
		t.Errorf("open file: %v", err)
	}
	closeStore(t, s)
	if _, _, err := Compact(path + "x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	empty := filepath.Join(t.TempDir(), "empty.db")
	write(t, empty, nil)
	if _, _, err := Compact(empty); !errors.Is(err, ErrEmpty) || len(read(t, empty)) > 0 {
		t.Errorf("empty file: %v, now %d bytes", err, len(read(t, empty)))
	}
	b := read(t, path)
	clear(b[2*os.Getpagesize():])
	write(t, path, b)
	if _, _, err := Compact(path); !errors.Is(err, ErrDamaged) {
		t.Errorf("damaged file: %v", err)
	}
	if !bytes.Equal(read(t, path), b) {
		t.Error("the file has changed")
	}
	wantAlone(t, filepath.Dir(path), "test.db")
}

// TestCompactDamagedValue: what the pages do not show is found in the copy.
func TestCompactDamagedValue(t *testing.T) {
	path, _ := filledFile(t)
	s := openStore(t, path)
	if err := s.db.Update(func(tx *bbolt.Tx) error {
		return corrupt(nth(recordTable.in(tx).base, 0), recordTable.value, chunkHeader)
	}); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	before := read(t, path)
	if _, _, err := Compact(path); !errors.Is(err, ErrDamaged) {
		t.Errorf("error %v, want ErrDamaged", err)
	}
	if !bytes.Equal(read(t, path), before) {
		t.Error("the file has changed")
	}
}

// TestLinksAreFollowed: what a symbolic link leads to is replaced, not the
// link.
func TestLinksAreFollowed(t *testing.T) {
	in, all := filledFile(t)
	for name, do := range map[string]func(path string) error{
		"backup": func(path string) error {
			_, err := Save(path, func(w io.Writer) error { return BackupFile(in, w) })
			return err
		},
		"restore": func(path string) error { return restore(in, path) },
		"compact": func(path string) error {
			_, _, err := Compact(path)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			path, link := testPath(t), filepath.Join(t.TempDir(), "link.db")
			write(t, path, read(t, in))
			if err := os.Symlink(path, link); err != nil {
				t.Fatal(err)
			}
			if err := do(link); err != nil {
				t.Fatal(err)
			}
			if target, err := os.Readlink(link); err != nil || target != path {
				t.Errorf("the link leads to %q, %v", target, err)
			}
			wantRecords(t, contents(t, path), all)
		})
	}
}
