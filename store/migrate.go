package store

import (
	"fmt"
	"path/filepath"

	"github.com/rs/zerolog"
	"go.etcd.io/bbolt"

	"keeptrack/migrations"
)

// Plan is what a migration of a file would do.
type Plan struct {
	// From is the file's schema version, 0 if there is nothing in it; To is the
	// newest, the one after the Steps, which are named in order.
	From, To int
	Steps    []string
}

// PlanMigration tells what Open would do to the schema of the file at path. It
// writes nothing.
func PlanMigration(path string) (*Plan, error) {
	newest := len(migrations.Steps)
	p := &Plan{To: newest}
	err := view(path, func(tx *bbolt.Tx) (err error) {
		if err := examineTx(tx, path, newest); err != nil {
			return err
		}
		p.From, err = readVersion(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, step := range migrations.Steps[p.From:] {
		p.Steps = append(p.Steps, step.Name)
	}
	return p, nil
}

// migrate brings the file to version len(steps). A file that holds anything is
// copied beforehand to path.vN.bak, N being the version that it had.
func (s *Store) migrate(steps []migrations.Step, log zerolog.Logger) error {
	db, path := s.db, s.path
	var from int
	err := db.View(func(tx *bbolt.Tx) (err error) {
		from, err = readVersion(tx)
		return err
	})
	if err != nil {
		return openError(path, err)
	}
	// examine has seen to it, but the file was not locked in between.
	if err := checkVersion(path, from, len(steps)); err != nil {
		return err
	}
	if from == len(steps) {
		return nil
	}
	if err := s.settle(); err != nil {
		return fmt.Errorf("migrating database %s: %w", path, err)
	}
	if from == 0 {
		return create(db, path, steps, log)
	}
	backup := fmt.Sprintf("%s.v%d.bak", path, from)
	if err := keepCopy(db, backup, from); err != nil {
		return fmt.Errorf("copying database %s before its migration: %w", path, err)
	}
	if err := runSteps(db, path, steps, from); err != nil {
		return err
	}
	log.Info().Str("path", path).Int("from", from).Int("schema", len(steps)).Str("backup", backup).Msg("database migrated")
	return nil
}

// create runs all steps on a file with nothing in it.
func create(db *bbolt.DB, path string, steps []migrations.Step, log zerolog.Logger) error {
	if err := runSteps(db, path, steps, 0); err != nil {
		return err
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("database %s: %w", path, err)
	}
	log.Info().Str("path", path).Int("schema", len(steps)).Msg("database created")
	return nil
}

// runSteps runs the steps after version from, each in a transaction that also
// records the version, so that a failure leaves the file at the last step that
// succeeded.
func runSteps(db *bbolt.DB, path string, steps []migrations.Step, from int) error {
	for i, step := range steps[from:] {
		version := from + i + 1
		err := db.Update(func(tx *bbolt.Tx) error {
			if err := step.Apply(tx); err != nil {
				return err
			}
			return writeVersion(tx, version)
		})
		if err != nil {
			return fmt.Errorf("database %s: migration to version %d (%s): %w", path, version, step.Name, err)
		}
	}
	return nil
}
