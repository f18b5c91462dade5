package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"go.etcd.io/bbolt"

	"keeptrack/store/boltpage"
	"keeptrack/store/safefile"
)

// keepCopy writes a consistent copy of the database, which has the given
// version, to the file dst, which gets the same owner, and returns once it is on
// disk and whole. A dst that exists is never overwritten: if it is
// a copy of the same state (an earlier try at the same migration made it) all
// is well, otherwise it is an error.
func keepCopy(db *bbolt.DB, dst string, version int) error {
	at, err := safefile.Locate(dst)
	if err != nil {
		return err
	}
	defer at.Close() // was only looked into
	part, err := at.Temp(".part")
	if err != nil {
		return err
	}
	defer part.Discard() // removes it unless it is in its place
	if err := writeCopy(db, part.File); err != nil {
		return err
	}
	whole, err := part.Dup()
	if err != nil {
		return err
	}
	err = viewFile(whole, part.Name(), func(tx *bbolt.Tx, f *os.File) error {
		return examineTx(tx, f, part.Name(), version, nil)
	})
	if err != nil {
		return err
	}
	switch same, err := holdsState(at, part.File, db.Info().PageSize); {
	case errors.Is(err, fs.ErrNotExist):
		return part.Commit()
	case err != nil:
		return err
	case !same:
		return fmt.Errorf("%s already exists and is something else: move it away", dst)
	}
	return nil
}

// writeCopy writes the database, as of now, to f, which gets the same owner.
func writeCopy(db *bbolt.DB, f *os.File) error {
	at, err := safefile.Locate(db.Path())
	if err != nil {
		return err
	}
	defer at.Close() // was only looked into
	original, err := at.Open(os.O_RDONLY)
	if err != nil {
		return err
	}
	defer original.Close() // nothing was written to it
	owner, err := safefile.OwnerOf(original)
	if err != nil {
		return err
	}
	if err := owner.Give(f); err != nil {
		return err
	}
	return db.View(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(f)
		return err
	})
}

// holdsState is boltpage.SameState for a file and what is at a place.
func holdsState(at *safefile.Place, f *os.File, pageSize int) (bool, error) {
	there, err := at.Open(os.O_RDONLY)
	if err != nil {
		return false, err
	}
	defer there.Close() // nothing was written to it
	return boltpage.SameState(f, there, pageSize)
}

// syncFolder puts the entries of the folder of the file at path on disk.
func syncFolder(path string) error {
	at, err := safefile.Locate(path)
	if err != nil {
		return err
	}
	return errors.Join(at.Sync(), at.Close())
}
