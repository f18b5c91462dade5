package store

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"go.etcd.io/bbolt"

	"keeptrack/migrations"
)

// interrupted are the real steps, of which the one that makes chunks fails once it
// has made them.
func interrupted() []migrations.Step {
	steps := slices.Clone(migrations.Steps)
	whole := steps[2].Prepare
	steps[2].Prepare = func() migrations.Part {
		part, ended := whole(), false
		return func(tx *bbolt.Tx) (done bool, err error) {
			if ended {
				return false, errStep
			}
			ended = true
			_, err = part(tx)
			return false, err
		}
	}
	return steps
}

// TestInterruptedMigration: a file of version 2 that is half migrated is still one,
// and the next start goes on with the copy that there is.
func TestInterruptedMigration(t *testing.T) {
	for _, c := range []struct {
		name    string
		between func(t *testing.T, path string)
		fails   string
	}{
		{"nothing", func(*testing.T, string) {}, ""},
		{"the copy is gone", func(t *testing.T, path string) {
			if err := os.Remove(path + ".v2.bak"); err != nil {
				t.Fatal(err)
			}
		}, ""},
		{"the copy is damaged", func(t *testing.T, path string) {
			write(t, path+".v2.bak", bytes.Repeat([]byte("x"), 1<<16))
		}, "test.db.v2.bak is not a keeptrack database"},
		{"version 2 writes", func(t *testing.T, path string) {
			edit(t, path, func(tx *bbolt.Tx) error {
				records := recordTable.in(tx)
				sequence, err := records.journal.NextSequence()
				if err != nil {
					return err
				}
				return records.putChanges(sequence, putChecksum(make([]byte, 8))) // an entry without changes
			})
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			path, want := frozen(t, 2)
			if version, _, err := runMigration(t, path, interrupted()); err == nil || version != 2 {
				t.Fatalf("version %d, error %v", version, err)
			}
			wantSound(t, path)
			if plan, err := PlanMigration(path); err != nil || plan.From != 2 {
				t.Errorf("%+v, %v", plan, err)
			}
			c.between(t, path)
			s, err := Open(path, zerolog.Nop())
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Errorf("error %v, want %q", err, c.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			closeStore(t, s)
			wantSound(t, path)
			wantText(t, path, want)
			wantAlone(t, strings.TrimSuffix(path, "/test.db"), "test.db", "test.db.v2.bak")
			wantSound(t, path+".v2.bak")
		})
	}
}
