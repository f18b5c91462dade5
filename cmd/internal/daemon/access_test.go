package daemon

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/cmd/internal/config"
	"keeptrack/internal/testenv"
	"keeptrack/store"
	"keeptrack/tracker"
)

var (
	fileHash  = tracker.InfoHash{1}
	otherHash = tracker.InfoHash{2}
)

// rules returns access rules of a mode whose file lists fileHash, with a
// database at path, and their log.
func rules(t *testing.T, path string, mode tracker.AccessMode) (*accessRules, *bytes.Buffer) {
	t.Helper()
	s, err := store.Open(path, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	var log bytes.Buffer
	r, err := newAccessRules(s, tracker.New(tracker.Options{PeerTimeout: time.Hour}, time.Now()), config.Access{Mode: mode},
		tracker.NewHashSet([]tracker.InfoHash{fileHash}), zerolog.New(&log).Level(zerolog.ErrorLevel)) // changes are in it nevertheless
	if err != nil {
		t.Fatal(err)
	}
	return r, &log
}

func wantRefused(t *testing.T, r *accessRules, file, other bool) {
	t.Helper()
	a := r.tracker.Access()
	if f, o := a.Refuses(&fileHash), a.Refuses(&otherHash); f != file || o != other {
		t.Errorf("refused: the file's %v, the other %v; want %v, %v", f, o, file, other)
	}
}

// TestOverrides: they prevail over the file in every mode, outlive a reload and
// a restart, and can be dropped again.
func TestOverrides(t *testing.T) {
	for _, c := range []struct {
		mode                  tracker.AccessMode
		listed, off, unlisted bool // whether a hash is refused
	}{
		{tracker.AccessDeny, true, false, false},
		{tracker.AccessAllow, false, true, true},
		{tracker.AccessOpen, false, false, false},
	} {
		t.Run(string(c.mode), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "test.db")
			r, log := rules(t, path, c.mode)
			wantRefused(t, r, c.listed, c.unlisted)
			for range 2 { // the second time changes nothing
				if err := errors.Join(r.override(fileHash, false, "me"), r.override(otherHash, true, "me")); err != nil {
					t.Fatal(err)
				}
			}
			wantRefused(t, r, c.off, c.listed)
			r.set(r.config, tracker.NewHashSet([]tracker.InfoHash{fileHash}))
			wantRefused(t, r, c.off, c.listed)
			if n := strings.Count(log.String(), "access list changed"); n != 2 || !strings.Contains(log.String(), `{"level":"info","client":"me","info_hash":"`+fileHash.String()+`","change":"taken off the list"`) {
				t.Errorf("the log says %s", log)
			}
			if err := r.store.Close(); err != nil {
				t.Fatal(err)
			}
			r, _ = rules(t, path, c.mode)
			wantRefused(t, r, c.off, c.listed)
			if err := errors.Join(r.forget(fileHash, "me"), r.forget(otherHash, "me"), r.forget(otherHash, "me")); err != nil {
				t.Fatal(err)
			}
			wantRefused(t, r, c.listed, c.unlisted)
		})
	}
}

// TestOverrideThatIsNotKept: what the database does not take is not in force.
func TestOverrideThatIsNotKept(t *testing.T) {
	r, log := rules(t, filepath.Join(t.TempDir(), "test.db"), tracker.AccessDeny)
	if err := r.override(otherHash, true, "me"); err != nil {
		t.Fatal(err)
	}
	if err := r.store.Close(); err != nil {
		t.Fatal(err)
	}
	log.Reset()
	if r.override(fileHash, false, "me") == nil || r.override(otherHash, false, "me") == nil || r.forget(otherHash, "me") == nil {
		t.Error("no error from a closed database")
	}
	wantRefused(t, r, true, true)
	if log.Len() > 0 {
		t.Errorf("the log says %s", log)
	}
}

// TestOverrideAfterFailure: a change that fails may be on disk nevertheless. Who
// asks for what is in force then gets it on disk too.
func TestOverrideAfterFailure(t *testing.T) {
	for name, c := range map[string]struct {
		before, failing, after func(*accessRules) error
		refused                bool
	}{
		"dropped": {
			func(*accessRules) error { return nil },
			func(r *accessRules) error { return r.override(otherHash, true, "me") },
			func(r *accessRules) error { return r.forget(otherHash, "me") }, false,
		},
		"added again": {
			func(r *accessRules) error { return r.override(otherHash, true, "me") },
			func(r *accessRules) error { return r.override(otherHash, false, "me") },
			func(r *accessRules) error { return r.override(otherHash, true, "me") }, true,
		},
		"added after a drop": {
			func(r *accessRules) error { return r.override(otherHash, true, "me") },
			func(r *accessRules) error { return r.forget(otherHash, "me") },
			func(r *accessRules) error { return r.override(otherHash, true, "me") }, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "test.db")
			r, _ := rules(t, path, tracker.AccessDeny)
			if err := errors.Join(c.before(r), os.Rename(path, path+".away")); err != nil {
				t.Fatal(err)
			}
			if c.failing(r) == nil {
				t.Fatal("no error from a database that is gone")
			}
			wantRefused(t, r, true, c.refused)
			if err := errors.Join(os.Rename(path+".away", path), c.after(r), r.store.Close()); err != nil {
				t.Fatal(err)
			}
			r, _ = rules(t, path, tracker.AccessDeny)
			wantRefused(t, r, true, c.refused)
		})
	}
}

func TestOverridesAreBounded(t *testing.T) {
	r, _ := rules(t, filepath.Join(t.TempDir(), "test.db"), tracker.AccessDeny)
	for i := range maxOverrides {
		r.overrides = append(r.overrides, store.AccessOverride{InfoHash: tracker.InfoHash{3, byte(i >> 8), byte(i)}})
	}
	if err := r.override(otherHash, true, "me"); !errors.Is(err, errOverrides) {
		t.Errorf("error %v, want %v", err, errOverrides)
	}
	if err := r.override(r.overrides[7].InfoHash, true, "me"); err != nil {
		t.Errorf("changing one that is there: %v", err)
	}
}

// TestFilesThatAreNoAccessList end a daemon neither by waiting nor by the memory
// that they seem to need.
func TestFilesThatAreNoAccessList(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		make func(path string) error
		want string
	}{
		"directory":    {func(path string) error { return os.Mkdir(path, 0o700) }, "is a directory or a pipe"},
		"pipe":         {func(path string) error { return syscall.Mkfifo(path, 0o600) }, "is a directory or a pipe"},
		"a vast image": {func(path string) error { return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, 1<<40)) }, "line 1: "},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, name)
			testenv.Need(t, "make "+name, c.make(path))
			_, err := ReadAccessList(&config.Access{Mode: tracker.AccessDeny, File: path}, func() {})
			if want := "access.file: " + path + ": " + c.want; err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}
