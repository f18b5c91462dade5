package store

import (
	"fmt"
	"os"

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
	err := view(path, func(tx *bbolt.Tx, f *os.File) (err error) {
		if err := examineTx(tx, f, path, newest, nil); err != nil {
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
	if err := s.keepBackup(backup, from, steps[from]); err != nil {
		return fmt.Errorf("copying database %s before its migration: %w", path, err)
	}
	for version := from; version < len(steps); version++ {
		if err := runSteps(db, path, steps, version, version+1); err != nil {
			return err
		}
	}
	log.Info().Str("path", path).Int("from", from).Int("schema", len(steps)).Str("backup", backup).Msg("database migrated")
	return nil
}

// keepBackup makes the copy of the file that a migration by step begins with,
// unless that has been made before the step was begun.
func (s *Store) keepBackup(backup string, version int, step migrations.Step) error {
	begun := false
	if step.Begun != nil {
		err := s.db.View(func(tx *bbolt.Tx) error {
			begun = step.Begun(tx)
			return nil
		})
		if err != nil {
			return err
		}
	}
	if _, err := os.Lstat(backup); begun && err == nil {
		return examine(backup, version, nil)
	}
	return keepCopy(s.db, backup, version)
}

// create runs all steps on a file with nothing in it, in one transaction: an
// interruption leaves no older version behind, which would have to be copied.
func create(db *bbolt.DB, path string, steps []migrations.Step, log zerolog.Logger) error {
	if err := runSteps(db, path, steps, 0, len(steps)); err != nil {
		return err
	}
	if err := syncFolder(path); err != nil {
		return fmt.Errorf("database %s: %w", path, err)
	}
	log.Info().Str("path", path).Int("schema", len(steps)).Msg("database created")
	return nil
}

// runSteps makes version to of the file out of version from, in one transaction
// that also records the version: a failure changes nothing. What a single step
// prepares is done before, in transactions of its own.
func runSteps(db *bbolt.DB, path string, steps []migrations.Step, from, to int) error {
	update := func(fn func(tx *bbolt.Tx) error) error {
		return db.Update(func(tx *bbolt.Tx) error { return guarded(func() error { return fn(tx) }) })
	}
	var err error
	if step := steps[from]; to == from+1 && step.Prepare != nil {
		part := step.Prepare()
		for done := false; !done && err == nil; {
			err = update(func(tx *bbolt.Tx) (err error) {
				done, err = part(tx)
				return err
			})
			forget(db)
		}
	}
	if err == nil {
		err = update(func(tx *bbolt.Tx) error { return applySteps(tx, steps[from:to], to) })
	}
	if err != nil {
		return fmt.Errorf("database %s: migration to version %d: %w", path, to, err)
	}
	return nil
}

// applySteps carries out steps, with what they have to prepare and is not done
// yet, and records the version.
func applySteps(tx *bbolt.Tx, steps []migrations.Step, version int) error {
	for _, step := range steps {
		if err := applyStep(tx, step); err != nil {
			return fmt.Errorf("%s: %w", step.Name, err)
		}
	}
	return writeVersion(tx, version)
}

func applyStep(tx *bbolt.Tx, step migrations.Step) error {
	if step.Prepare != nil {
		part := step.Prepare()
		for done := false; !done; {
			var err error
			if done, err = part(tx); err != nil {
				return err
			}
		}
	}
	return step.Apply(tx)
}
