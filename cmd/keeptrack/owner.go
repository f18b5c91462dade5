package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"keeptrack/cmd/internal/privilege"
	"keeptrack/store/safefile"
)

// otherOwner returns who owns the folder of the file at path, if this is root and
// that is somebody else; otherwise nil. Of a folder that is missing the store
// says so.
func otherOwner(path string) (*privilege.Owner, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	owner, err := safefile.FolderOwner(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case owner.UID == 0:
		return nil, nil
	}
	return &privilege.Owner{UID: int(owner.UID), GID: int(owner.GID)}, nil
}

// onDatabase runs fn on the database at path. Root becomes the owner of its folder
// first and for good: that user could have files take each other's place while
// root works on them. What root named besides has to be open by then.
func onDatabase(path string, fn func(path string) error) error {
	owner, err := otherOwner(path)
	if err != nil {
		return err
	}
	if owner == nil {
		return fn(path)
	}
	path = absolute(path) // the owner may not be let into the working directory
	if _, err := owner.Become(); err != nil {
		return fmt.Errorf("becoming %s, who owns the folder of %s: %w", owner, path, err)
	}
	return asOwner(owner, fn(path))
}

// asOwner adds to an error about permissions whose they are.
func asOwner(owner *privilege.Owner, err error) error {
	if owner != nil && errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w (as %s, who owns the folder)", err, owner)
	}
	return err
}

// onDatabaseWith is onDatabase with an input, which root opens before it becomes
// somebody else, unless it is in a folder of the same owner.
func onDatabaseWith(input, path string, fn func(in *os.File, path string) error) error {
	owner, err := otherOwner(path)
	if err != nil {
		return err
	}
	if owner != nil {
		if of, err := otherOwner(input); err == nil && of != nil && of.UID == owner.UID {
			input = absolute(input)
			return onDatabase(path, func(path string) error {
				in, err := safefile.OpenInput(input)
				if err != nil {
					return err
				}
				return fn(in, path)
			})
		}
	}
	in, err := safefile.OpenInput(input)
	if err != nil {
		return err
	}
	return onDatabase(path, func(path string) error { return fn(in, path) })
}
