package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"go.etcd.io/bbolt"

	"keeptrack/migrations"
)

// errStep is the failure of a made-up step.
var errStep = errors.New("the step failed")

// made returns made-up steps; each notes that it ran in the bucket steps, and
// those named in failing fail after that.
func made(names string, failing string) []migrations.Step {
	var steps []migrations.Step
	for _, name := range names {
		steps = append(steps, migrations.Step{Name: string(name), Apply: func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte("steps"))
			if err != nil {
				return err
			}
			if err := b.Put([]byte(string(name)), []byte{1}); err != nil {
				return err
			}
			if strings.ContainsRune(failing, name) {
				return errStep
			}
			return nil
		}})
	}
	return steps
}

// runMigration migrates a file and returns the version and steps that it has
// afterwards.
func runMigration(t *testing.T, path string, steps []migrations.Step) (version int, ran string, err error) {
	t.Helper()
	db, openErr := bbolt.Open(path, 0o600, options())
	if openErr != nil {
		t.Fatal(openErr)
	}
	defer db.Close()
	err = (&Store{path: path, db: db}).migrate(steps, zerolog.Nop())
	version, ran = migrated(t, db)
	return version, ran, err
}

func migrated(t *testing.T, db *bbolt.DB) (version int, ran string) {
	t.Helper()
	err := db.View(func(tx *bbolt.Tx) (err error) {
		if version, err = readVersion(tx); err != nil {
			return err
		}
		if b := tx.Bucket([]byte("steps")); b != nil {
			return b.ForEach(func(k, _ []byte) error {
				ran += string(k)
				return nil
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return version, ran
}

// backups returns the names of the files beside the database.
func backups(t *testing.T, path string) []string {
	t.Helper()
	entries, err := os.ReadDir(strings.TrimSuffix(path, "/test.db"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.Name() != "test.db" {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestMigrate(t *testing.T) {
	tests := []struct {
		name    string
		before  string // steps run by an earlier version
		steps   string
		failing string
		version int
		ran     string
		backups []string
	}{
		{"new file", "", "abc", "", 3, "abc", nil},
		{"new file, failing", "", "abc", "b", 0, "", nil},
		{"nothing to do", "ab", "ab", "", 2, "ab", nil},
		{"one step", "a", "ab", "", 2, "ab", []string{"test.db.v1.bak"}},
		{"two steps", "ab", "abcd", "", 4, "abcd", []string{"test.db.v2.bak"}},
		{"first of two fails", "a", "abc", "b", 1, "a", []string{"test.db.v1.bak"}},
		{"second of two fails", "a", "abc", "c", 2, "ab", []string{"test.db.v1.bak"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := testPath(t)
			if _, _, err := runMigration(t, path, made(test.before, "")); err != nil {
				t.Fatal(err)
			}
			version, ran, err := runMigration(t, path, made(test.steps, test.failing))
			if test.failing == "" && err != nil {
				t.Error(err)
			}
			if test.failing != "" && (!errors.Is(err, errStep) || !strings.Contains(err.Error(), path)) {
				t.Errorf("error %v, want the step's with the path", err)
			}
			if version != test.version || ran != test.ran {
				t.Errorf("version %d after steps %q, want %d after %q", version, ran, test.version, test.ran)
			}
			if got := backups(t, path); !slices.Equal(got, test.backups) {
				t.Errorf("files %q beside the database, want %q", got, test.backups)
			}
		})
	}
}

func TestMigrateRefusesANewerFile(t *testing.T) {
	path := testPath(t)
	if _, _, err := runMigration(t, path, made("abc", "")); err != nil {
		t.Fatal(err)
	}
	before := read(t, path)
	if _, _, err := runMigration(t, path, made("ab", "")); !errors.Is(err, ErrNewer) {
		t.Errorf("error %v, want ErrNewer", err)
	}
	if !bytes.Equal(read(t, path), before) {
		t.Error("the file has changed")
	}
}

func TestBackupIsTheDatabaseBeforeMigration(t *testing.T) {
	path := testPath(t)
	if _, _, err := runMigration(t, path, made("a", "")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := runMigration(t, path, made("ab", "")); err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(path+".v1.bak", 0o600, options())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	wantWhole(t, db)
	if version, ran := migrated(t, db); version != 1 || ran != "a" {
		t.Errorf("the copy has version %d after steps %q, want 1 after \"a\"", version, ran)
	}
}

func TestBackupIsNotOverwritten(t *testing.T) {
	path := testPath(t)
	if _, _, err := runMigration(t, path, made("a", "")); err != nil {
		t.Fatal(err)
	}
	// The same copy again, as after a failed try: no reason to stop.
	for range 2 {
		if _, _, err := runMigration(t, path, made("ab", "b")); !errors.Is(err, errStep) {
			t.Fatalf("error %v, want the step's", err)
		}
	}
	backup := path + ".v1.bak"
	write(t, backup, []byte("precious"))
	version, _, err := runMigration(t, path, made("ab", ""))
	if err == nil || !strings.Contains(err.Error(), backup) {
		t.Errorf("error %v, want one that names %s", err, backup)
	}
	if version != 1 {
		t.Errorf("migrated to version %d without a copy", version)
	}
	if got := string(read(t, backup)); got != "precious" {
		t.Errorf("the copy that was there now holds %q", got)
	}
	if got := backups(t, path); len(got) != 1 {
		t.Errorf("files %q beside the database, want the copy alone", got)
	}
}

// TestCopyThatIsNotWhole: nothing is migrated on the strength of a copy that
// could not be put back.
func TestCopyThatIsNotWhole(t *testing.T) {
	path, _ := filledFile(t)
	db, err := bbolt.Open(path, 0o600, options())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	dst := path + ".v1.bak"
	if err := keepCopy(db, dst, len(migrations.Steps)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(dst); err != nil {
		t.Fatal(err)
	}
	var root uint64
	if err := db.View(func(tx *bbolt.Tx) error {
		root = uint64(recordTable.in(tx).base.Root())
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	size := int64(db.Info().PageSize)
	page := make([]byte, size)
	if _, err := f.ReadAt(page, int64(root)*size); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(make([]byte, size), int64(root)*size); err != nil {
		t.Fatal(err)
	}
	if err := keepCopy(db, dst, len(migrations.Steps)); !errors.Is(err, ErrDamaged) {
		t.Errorf("error %v, want ErrDamaged", err)
	}
	wantAlone(t, filepath.Dir(path), "test.db")
	if _, err := f.WriteAt(page, int64(root)*size); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
