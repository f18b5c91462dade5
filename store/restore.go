package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"keeptrack/store/safefile"
)

// Restore puts a copy of the database, the file in, in place of the one at path,
// and closes in. The copy is verified first; one that is damaged or newer than
// this program is refused, and so is any while a daemon has path open. Whatever
// interrupts it, path is afterwards either as it was or as in. It replaces a
// regular file, whole or damaged, of the folder's owner or of this process's
// user, and nothing else. The file keeps its owner; one that root makes gets the
// folder's.
//
// What was the present origin in the copy is a member heard now in the file. The
// present origin of what was at path has ended in it, as have those that had ended
// there, if that can be read. It has no replay floors. A copy of an older schema
// version is left as it is.
func Restore(in *os.File, path string) error {
	defer in.Close() // nothing was written to it
	at, err := safefile.Locate(path)
	if err != nil {
		return openError(path, err)
	}
	defer at.Close() // was only looked into
	target, created, err := lock(at)
	if err != nil {
		return err
	}
	defer func() {
		if empty, _ := at.Names(target); empty && created {
			_ = at.Remove() // it has not been replaced
		}
		_ = target.Close() // nothing was written to it
	}()
	owner, err := ownerToKeep(at, target)
	if err != nil {
		return err
	}
	switch same, err := at.Names(in); {
	case err != nil:
		return err
	case same:
		return fmt.Errorf("%s is the database itself", in.Name())
	}
	was, err := originsAt(at, target)
	if err != nil {
		return err
	}
	return copyVerified(in, at, owner, was)
}

// originsAt returns the origins in the locked file at a place, nil if they are not
// to be had.
func originsAt(at *safefile.Place, f *os.File) (*originTable, error) {
	again, err := at.Open(os.O_RDONLY)
	if err != nil {
		return nil, openError(at.Path(), err)
	}
	if err := unlock(f); err != nil {
		return nil, errors.Join(err, again.Close())
	}
	t, _, err := originsOf(again, at.Path())
	if errors.Is(err, ErrInUse) {
		return nil, err
	}
	if err := exclude(f); err != nil {
		return nil, fmt.Errorf("database %s is %w", at.Path(), err)
	}
	return t, inPlace(f, at)
}

// ownerToKeep returns the owner of a file that is to be replaced, unless it is
// neither the folder's owner nor the process's user: whoever put it there
// could be led to believe that what comes is theirs.
func ownerToKeep(at *safefile.Place, f *os.File) (safefile.Owner, error) {
	owner, err := safefile.OwnerOf(f)
	if err != nil {
		return owner, err
	}
	folder, err := at.Owner()
	if euid := uint32(os.Geteuid()); err == nil && owner.UID != folder.UID && (owner.UID != euid || euid == 0) {
		err = fmt.Errorf("%s belongs to user %d and its folder to user %d: not replaced", at.Path(), owner.UID, folder.UID)
	}
	return owner, err
}

// copyVerified copies the database file in, verifies the copy and puts it in its
// place, where a file with the origins was is.
func copyVerified(in *os.File, at *safefile.Place, owner safefile.Owner, was *originTable) error {
	part, err := at.Temp(".restore")
	if err != nil {
		return err
	}
	defer part.Discard() // removes it unless it is in its place
	if err := owner.Give(part.File); err != nil {
		return err
	}
	if err := backupOpen(in, part); err != nil {
		return err
	}
	if err := verified(part, in.Name()); err != nil {
		return err
	}
	if err := takeOver(part, was, time.Now()); err != nil {
		return err
	}
	return part.Commit()
}

// lock takes the lock that a daemon holds on the database at a place. If there is
// no such file, an empty one is made, which counts as none, and created is set.
func lock(at *safefile.Place) (f *os.File, created bool, err error) {
	if f, created, err = openOrMake(at); err != nil {
		return nil, false, openError(at.Path(), err)
	}
	if err = exclude(f); err != nil {
		return nil, false, errors.Join(fmt.Errorf("database %s is %w", at.Path(), err), f.Close())
	}
	if err = inPlace(f, at); err != nil {
		return nil, false, errors.Join(err, f.Close())
	}
	return f, created, nil
}

// openOrMake opens the file at a place for reading and writing. If there is none
// it makes one, which belongs to the folder's owner if root does.
func openOrMake(at *safefile.Place) (f *os.File, created bool, err error) {
	if f, err = at.Open(os.O_RDWR); !errors.Is(err, fs.ErrNotExist) {
		return f, false, err
	}
	if f, err = at.Create(); errors.Is(err, fs.ErrExist) { // another process was faster
		f, err = at.Open(os.O_RDWR)
		return f, false, err
	}
	if err != nil || os.Geteuid() != 0 {
		return f, err == nil, err
	}
	owner, err := at.Owner()
	if err == nil {
		err = owner.Give(f)
	}
	if err != nil {
		return nil, false, errors.Join(err, f.Close(), at.Remove())
	}
	return f, true, nil
}

// exclude takes the lock of a file that no process may have open; ErrInUse if
// one has.
func exclude(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	switch {
	case errors.Is(err, unix.EWOULDBLOCK):
		return ErrInUse
	case err != nil:
		return fmt.Errorf("cannot be locked: %w", err)
	}
	return nil
}

// unlock gives back the lock that exclude has taken.
func unlock(f *os.File) error {
	if err := unix.Flock(int(f.Fd()), unix.LOCK_UN); err != nil {
		return fmt.Errorf("cannot be unlocked: %w", err)
	}
	return nil
}

// inPlace returns an error unless the open file f is the one at the place.
func inPlace(f *os.File, at *safefile.Place) error {
	same, err := at.Names(f)
	if err != nil {
		return openError(at.Path(), err)
	}
	if !same {
		return fmt.Errorf("database %s is %w, which has just replaced it", at.Path(), ErrInUse)
	}
	return nil
}

// sameFile reports whether path names the open file f.
func sameFile(path string, f *os.File) (bool, error) {
	named, err := os.Stat(path)
	if err != nil {
		return false, openError(path, err)
	}
	open, err := f.Stat()
	if err != nil {
		return false, openError(path, err)
	}
	return os.SameFile(named, open), nil
}
