package store

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.etcd.io/bbolt"

	"keeptrack/cmd/testenv"
	"keeptrack/migrations"
	"keeptrack/tracker"
)

// victimVariable names what the test binary does instead of testing.
const victimVariable = "KEEPTRACK_STORE_VICTIM"

// victims are what processes are killed in, on the files at path and in.
var victims = map[string]func(path, in string) error{
	"restore": func(path, in string) error { return restore(in, path) },
	"compact": func(path, _ string) error {
		_, _, err := Compact(path)
		return err
	},
	"migrate": func(path, _ string) error {
		db, err := bbolt.Open(path, 0o600, options())
		if err != nil {
			return err
		}
		return errors.Join((&Store{path: path, db: db}).migrate(heavySteps(), zerolog.Nop()), db.Close())
	},
	"open": func(path, _ string) error {
		s, err := Open(path, zerolog.Nop())
		if err != nil {
			return err
		}
		return s.Close()
	},
	"backup": func(path, in string) error {
		_, err := Save(path, func(w io.Writer) error { return BackupFile(in, w) })
		return err
	},
}

func TestMain(m *testing.M) {
	if name := os.Getenv(victimVariable); name != "" {
		fmt.Println("begin")
		if err := victims[name](os.Args[1], os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// runVictim starts a process and kills it after a while, if it still runs. It
// returns whether the process came to its end, and how long it took.
func runVictim(t *testing.T, name, path, in string, after time.Duration) (finished bool, took time.Duration) {
	t.Helper()
	cmd := exec.Command(os.Args[0], path, in)
	// The race detector would wait a second at every exit.
	cmd.Env = append(os.Environ(), victimVariable+"="+name, "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if !bufio.NewScanner(out).Scan() {
		t.Error("the process has not begun")
	}
	began := time.Now()
	timer := time.AfterFunc(after, func() { cmd.Process.Kill() })
	err = cmd.Wait()
	took = time.Since(began)
	timer.Stop()
	if _, killed := errors.AsType[*exec.ExitError](err); err != nil && !killed || cmd.ProcessState.Exited() && err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return err == nil, took
}

// killed runs a victim once to its end, to know how long it takes, then again
// and again with a kill at a random moment. Before each run make makes the
// files, after it check looks at them.
func killed(t *testing.T, name string, make func() (path, in string), check func(path string, finished bool)) {
	t.Helper()
	path, in := make()
	finished, takes := runVictim(t, name, path, in, time.Minute)
	if !finished {
		t.Fatal("a process that is not killed does not end")
	}
	check(path, true)
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	kills, ended := testenv.Pick(12, 200), 0
	for range kills {
		path, in := make()
		finished, _ := runVictim(t, name, path, in, time.Duration(rng.Int64N(int64(takes))))
		check(path, finished)
		if finished {
			ended++
		}
	}
	t.Logf("%d of %d killed, %v long", kills-ended, kills, takes)
}

func TestKilledRestore(t *testing.T) {
	in, restored := filledFile(t)
	made, before := present(t)
	old := contents(t, made)
	killed(t, "restore", func() (string, string) {
		path := filepath.Join(t.TempDir(), "test.db")
		write(t, path, before)
		return path, in
	}, func(path string, finished bool) {
		wantSound(t, path)
		got := contents(t, path)
		if !maps.Equal(got, restored) && (finished || !maps.Equal(got, old)) {
			t.Errorf("%d torrents: neither the old nor the new database", len(got))
		}
		if err := restore(in, path); err != nil { // what was left is no hindrance
			t.Error(err)
		}
		wantAlone(t, filepath.Dir(path), "test.db")
	})
}

func TestKilledCompact(t *testing.T) {
	filled, all := filledFile(t)
	whole := read(t, filled)
	killed(t, "compact", func() (string, string) {
		path := filepath.Join(t.TempDir(), "test.db")
		write(t, path, whole)
		return path, ""
	}, func(path string, finished bool) {
		wantSound(t, path)
		wantRecords(t, contents(t, path), all)
		if _, _, err := Compact(path); err != nil {
			t.Error(err)
		}
		wantAlone(t, filepath.Dir(path), "test.db")
	})
}

func TestKilledBackup(t *testing.T) {
	in, all := filledFile(t)
	killed(t, "backup", func() (string, string) {
		path := filepath.Join(t.TempDir(), "copy.db")
		write(t, path, []byte("precious"))
		return path, in
	}, func(path string, finished bool) {
		if !finished && string(read(t, path)) == "precious" {
			return
		}
		wantSound(t, path)
		wantRecords(t, contents(t, path), all)
	})
}

// heavySteps returns the real steps and two more that take a while.
func heavySteps() []migrations.Step {
	rewrite := func(tx *bbolt.Tx) error {
		records := recordTable.in(tx)
		index, err := records.readIndex()
		for _, c := range index {
			err = errors.Join(err, records.putChunk(c.low, []byte(string(records.chunk([]byte(c.low))))))
		}
		return err
	}
	return append(slices.Clone(migrations.Steps),
		migrations.Step{Name: "next", Apply: rewrite}, migrations.Step{Name: "last", Apply: rewrite})
}

func TestKilledMigration(t *testing.T) {
	filled, _ := filledFile(t)
	whole := read(t, filled)
	want := loadedFrom(t, filled)
	from, to := len(migrations.Steps), len(heavySteps())
	killed(t, "migrate", func() (string, string) {
		path := filepath.Join(t.TempDir(), "test.db")
		write(t, path, whole)
		return path, ""
	}, func(path string, finished bool) {
		db, err := bbolt.Open(path, 0o600, options())
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		wantWhole(t, db)
		if version, _ := migrated(t, db); version < from || version > to || finished && version != to {
			t.Errorf("version %d, finished %v", version, finished)
		} else if version > from {
			wantRecords(t, loadedFrom(t, fmt.Sprintf("%s.v%d.bak", path, from)), want)
		}
		if err := (&Store{path: path, db: db}).migrate(heavySteps(), zerolog.Nop()); err != nil {
			t.Errorf("the next try: %v", err)
		}
		if version, _ := migrated(t, db); version != to {
			t.Errorf("version %d after the next try", version)
		}
	})
}

// loadedFrom returns the records of a file, whatever its version.
func loadedFrom(t *testing.T, path string) map[tracker.InfoHash]tracker.Record {
	t.Helper()
	all := map[tracker.InfoHash]tracker.Record{}
	err := view(path, func(tx *bbolt.Tx, _ *os.File) error {
		_, _, err := walk(tx, func(r tracker.Record) { all[r.InfoHash] = r })
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestKilledChunks kills a start that makes chunks of a file of version 2.
func TestKilledChunks(t *testing.T) {
	in, want := frozen(t, 2)
	whole := read(t, in)
	killed(t, "open", func() (string, string) {
		path := filepath.Join(t.TempDir(), "test.db")
		write(t, path, whole)
		return path, ""
	}, func(path string, finished bool) {
		wantSound(t, path)
		closeStore(t, openStore(t, path)) // the next start
		wantText(t, path, want)
		wantSound(t, path+".v2.bak")
		for version := 3; version < newest; version++ { // a kill between two steps leaves one
			if err := os.Remove(fmt.Sprintf("%s.v%d.bak", path, version)); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Error(err)
			}
		}
		wantAlone(t, filepath.Dir(path), "test.db", "test.db.v2.bak")
	})
}
