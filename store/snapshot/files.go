package snapshot

import (
	"errors"
	"fmt"
	"io/fs"

	"keeptrack/store/safefile"
	"keeptrack/tracker"
)

// Inspect reads the snapshot that belongs to the database at path, and tells what is
// in it. Errors are those of Open.
func Inspect(database string) (Info, error) {
	r, err := Open(database)
	if err != nil {
		return Info{}, err
	}
	defer r.Close() // was only read
	return r.Each(func([]tracker.PeerState) {})
}

// Drop removes the snapshot that belongs to the database at path, and what an
// interruption has left of another. It returns the number of files removed.
func Drop(database string) (files int, err error) {
	whole, err := remove(Path(database))
	if whole {
		files++
	}
	part, partErr := DropPart(database)
	if part {
		files++
	}
	return files, errors.Join(err, partErr)
}

// DropPart removes what an interruption has left of a snapshot, if anything, and
// returns whether it did.
func DropPart(database string) (bool, error) { return remove(Path(database) + partSuffix) }

// remove removes a file for good, unless there is none.
func remove(path string) (removed bool, err error) {
	at, err := safefile.Locate(path)
	if err == nil {
		defer at.Close() // was only looked into
		if err = at.Remove(); err == nil {
			return true, removing(path, at.Sync())
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return false, removing(path, err)
}

func removing(path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("removing the peers in %s: %w", path, err)
}
