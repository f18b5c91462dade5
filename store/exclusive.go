package store

import "keeptrack/store/safefile"

// Exclusive calls fn while no process has the database at path open, and none can
// open it: ErrInUse if one has. There need not be a database.
func Exclusive(path string, fn func() error) error {
	at, err := safefile.Locate(path)
	if err != nil {
		return openError(path, err)
	}
	defer at.Close() // was only looked into
	f, err := reserve(at)
	if err != nil {
		return err
	}
	defer f.Close() // nothing was written to it; nil without a file
	return fn()
}
