package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.etcd.io/bbolt"

	"keeptrack/cmd/testenv"
	"keeptrack/migrations"
	"keeptrack/store/safefile"
	"keeptrack/tracker"
	"keeptrack/tracker/override"
)

// testPath returns the path of a database file that does not exist yet. When
// the test ends, the file must hold together.
func testPath(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.db")
	t.Cleanup(func() {
		db, err := bbolt.Open(path, 0o600, options())
		if err != nil {
			t.Error(err)
			return
		}
		wantWhole(t, db)
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return path
}

// openStore opens a store, closed when the test ends. It does not wait for the
// disk.
func openStore(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(path, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	s.db.NoSync = true
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

// openLoaded opens a store and loads it into a new source.
func openLoaded(t *testing.T, path string) (*Store, *fakeSource) {
	t.Helper()
	s, src := openStore(t, path), newFakeSource()
	for _, r := range loadAll(t, s) {
		src.load(r)
	}
	return s, src
}

func closeStore(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// writeMeta makes a database whose meta bucket has the given version.
func writeMeta(t *testing.T, path string, version []byte) {
	t.Helper()
	edit(t, path, func(tx *bbolt.Tx) error {
		meta, err := tx.CreateBucketIfNotExists(bucketMeta)
		if err != nil {
			return err
		}
		return meta.Put(keyVersion, version)
	})
}

// edit changes a file behind the store's back.
func edit(t *testing.T, path string, fn func(tx *bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, options())
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(fn); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOpenMakesAFileForItsOwner(t *testing.T) {
	for _, existing := range []bool{false, true} {
		path := testPath(t)
		if existing {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s := openStore(t, path)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("mode %o, want 600", mode)
		}
		if all := loadAll(t, s); len(all) != 0 {
			t.Errorf("a new file has %d records", len(all))
		}
		entries, err := os.ReadDir(filepath.Dir(path))
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) != 1 {
			t.Errorf("%d files, want the database alone", len(entries))
		}
	}
}

func TestOpenFinishesAFileThatACrashLeftEmpty(t *testing.T) {
	path := testPath(t)
	edit(t, path, func(*bbolt.Tx) error { return nil })
	if n := len(openStore(t, path).Secret()); n != secretSize {
		t.Errorf("the secret is %d bytes, want %d", n, secretSize)
	}
}

func TestOpenFileInUse(t *testing.T) {
	path := testPath(t)
	s := openStore(t, path)
	_, err := Open(path, zerolog.Nop())
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want ErrInUse with the path", err)
	}
	closeStore(t, s)
	openStore(t, path)
}

func TestOpenRefuses(t *testing.T) {
	tests := []struct {
		name string
		make func(t *testing.T, path string)
		is   error
		say  string
	}{
		{"newer version", func(t *testing.T, path string) {
			writeMeta(t, path, binary.BigEndian.AppendUint32(nil, uint32(newest+1)))
		}, ErrNewer, fmt.Sprintf("schema version %d, this program knows up to %d", newest+1, newest)},
		{"version zero", func(t *testing.T, path string) {
			writeMeta(t, path, []byte{0, 0, 0, 0})
		}, nil, "not a keeptrack database"},
		{"version of the wrong size", func(t *testing.T, path string) {
			writeMeta(t, path, make([]byte, 8))
		}, nil, "not a keeptrack database"},
		{"another program's database", func(t *testing.T, path string) {
			edit(t, path, func(tx *bbolt.Tx) error {
				_, err := tx.CreateBucket([]byte("members"))
				return err
			})
		}, nil, "not a keeptrack database"},
		{"bucket missing", func(t *testing.T, path string) {
			closeStore(t, openStore(t, path))
			edit(t, path, func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte("journal")) })
		}, ErrDamaged, "bucket journal is missing"},
		{"secret cut short", func(t *testing.T, path string) {
			closeStore(t, openStore(t, path))
			edit(t, path, func(tx *bbolt.Tx) error {
				return tx.Bucket(bucketMeta).Put(keySecret, make([]byte, secretSize-1))
			})
		}, ErrDamaged, "connection_secret"},
		{"short text", func(t *testing.T, path string) {
			write(t, path, []byte("hello\n"))
		}, nil, "not a keeptrack database"},
		{"long text", func(t *testing.T, path string) {
			write(t, path, bytes.Repeat([]byte("hello\n"), 10000))
		}, nil, "not a keeptrack database"},
		{"cut short", func(t *testing.T, path string) {
			closeStore(t, openStore(t, path))
			b := read(t, path)
			write(t, path, b[:3*os.Getpagesize()])
		}, ErrDamaged, "bytes long instead of"},
		{"page overwritten", func(t *testing.T, path string) {
			s, src := openLoaded(t, path)
			src.put(record(1, 1))
			checkpoint(t, s, src)
			closeStore(t, s)
			b := read(t, path)
			clear(b[2*os.Getpagesize():])
			write(t, path, b)
		}, ErrDamaged, ""},
		{"directory", func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, nil, "not a regular file"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "test.db")
			test.make(t, path)
			var before []byte
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				before = read(t, path)
			}
			_, err := Open(path, zerolog.Nop())
			if err == nil {
				t.Fatal("opened")
			}
			if test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("error %v is not %v", err, test.is)
			}
			if !strings.Contains(err.Error(), test.say) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %v, want %q and the path", err, test.say)
			}
			if before != nil && !bytes.Equal(read(t, path), before) {
				t.Error("the file has changed")
			}
		})
	}
}

// TestRootGivesAway: what root makes belongs to who runs the daemon.
func TestRootGivesAway(t *testing.T) {
	testenv.NeedRoot(t)
	path := testPath(t)
	owner := safefile.Owner{UID: 12345, GID: 54321}
	if err := os.Chown(filepath.Dir(path), 12345, 54321); err != nil {
		t.Fatal(err)
	}
	closeStore(t, openStore(t, path))
	wantOwner(t, path, owner)
	if _, _, err := runMigration(t, path, append(migrations.Steps, made("b", "")...)); err != nil {
		t.Fatal(err)
	}
	wantOwner(t, path, owner)
	wantOwner(t, fmt.Sprintf("%s.v%d.bak", path, newest), owner)
}

// TestFileThatExistedIsSettled: who wrote to it last may have failed.
func TestFileThatExistedIsSettled(t *testing.T) {
	path := testPath(t)
	s, _ := openLoaded(t, path)
	if s.unsettled {
		t.Error("a new file is unsettled")
	}
	s, src := reopen(t, s)
	if !s.unsettled {
		t.Error("a file that existed counts as settled")
	}
	checkpoint(t, s, src)
	if s.unsettled {
		t.Error("unsettled after a checkpoint")
	}
	s, _ = reopen(t, s)
	err := s.migrate(append(migrations.Steps, made("b", "b")...), zerolog.Nop())
	if !errors.Is(err, errStep) || s.unsettled {
		t.Errorf("error %v, unsettled %v after a migration", err, s.unsettled)
	}
}

func TestOpenWithoutDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "missing")
	path := filepath.Join(dir, "test.db")
	_, err := Open(path, zerolog.Nop())
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "no directory "+dir) ||
		strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v, want one line that names file and directory", err)
	}
}

func TestOpenWithoutPermission(t *testing.T) {
	path := testPath(t)
	closeStore(t, openStore(t, path))
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 { // to whom nothing is forbidden
		actAsNobody(t, path)
	}
	_, err := Open(path, zerolog.Nop())
	if !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want permission denied with the path", err)
	}
}

// actAsNobody gives a file to another user and becomes that user until the test
// ends.
func actAsNobody(t *testing.T, path string) {
	t.Helper()
	const nobody = 65534
	if err := os.Chown(path, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	for dir := filepath.Dir(path); dir != filepath.Clean(os.TempDir()); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	testenv.Need(t, "become another user", syscall.Seteuid(nobody))
	t.Cleanup(func() {
		if err := syscall.Seteuid(0); err != nil {
			t.Fatal(err)
		}
	})
}

func TestOpenWarnsOfAClockThatIsBehind(t *testing.T) {
	path := testPath(t)
	closeStore(t, openStore(t, path))
	for _, c := range []struct {
		ahead time.Duration
		warns bool
	}{{-time.Hour, false}, {time.Hour, true}} {
		edit(t, path, func(tx *bbolt.Tx) error {
			created := uint64(time.Now().Add(c.ahead).Unix())
			return tx.Bucket(bucketMeta).Put(keyCreated, binary.BigEndian.AppendUint64(nil, created))
		})
		var log bytes.Buffer
		s, err := Open(path, zerolog.New(&log))
		if err != nil {
			t.Fatal(err)
		}
		closeStore(t, s)
		if warns := strings.Contains(log.String(), "is the clock right?"); warns != c.warns {
			t.Errorf("made %v from now: log %q", c.ahead, &log)
		}
	}
}

func TestCloseTwice(t *testing.T) {
	s, src := openLoaded(t, testPath(t))
	closeStore(t, s)
	closeStore(t, s)
	src.put(record(1, 1))
	if _, err := s.Checkpoint(src, Along{}); err == nil {
		t.Error("wrote to a closed file")
	}
	if _, err := s.Load(func(tracker.Record) {}); err == nil {
		t.Error("loaded from a closed file")
	}
	s.unsettled = true
	if err := s.SetOverrides([]override.Override{{}}, nil); err == nil {
		t.Error("wrote an override to a closed file")
	}
	if _, err := s.Overrides(); err == nil {
		t.Error("read overrides from a closed file")
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
