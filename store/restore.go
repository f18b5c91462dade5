package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// Restore puts a copy of the database file in in place of the one at path. The
// copy is verified first; one that is damaged or newer than this program is
// refused, and so is any while a daemon has path open. Whatever interrupts it,
// path is afterwards either as it was or as in. The file keeps its owner; one
// that root makes gets that of its directory.
func Restore(in, path string) (err error) {
	path = resolved(path)
	target, created, err := lock(path)
	if err != nil {
		return err
	}
	defer func() {
		if empty, _ := sameFile(path, target); empty && created {
			_ = os.Remove(path) // it has not been replaced
		}
		_ = target.Close() // nothing was written to it
	}()
	same, err := sameFile(in, target)
	if err != nil {
		return err
	}
	if same {
		return fmt.Errorf("%s is the database itself", in)
	}
	owner, err := ownerOf(path, created)
	if err != nil {
		return err
	}
	part := path + ".restore"
	if err := copyVerified(in, part, owner); err != nil {
		_ = os.Remove(part)
		return err
	}
	return putInPlace(part, path)
}

// copyVerified copies the database file in to the file part and verifies that.
func copyVerified(in, part string, owner *syscall.Stat_t) error {
	f, err := createPart(part)
	if err != nil {
		return err
	}
	defer f.Close() // closed already when all went well
	if err := BackupFile(in, f); err != nil {
		return err
	}
	if err := own(f, owner); err != nil {
		return err
	}
	if err := flush(f); err != nil {
		return err
	}
	return verified(part, in)
}

// lock takes the lock that a daemon holds on the database at path. If there is
// no such file, an empty one is made, which counts as none, and created is set.
func lock(path string) (f *os.File, created bool, err error) {
	f, err = os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		created = true
		f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	}
	if err != nil {
		return nil, false, openError(path, err)
	}
	if err = exclude(f); err != nil {
		return nil, false, errors.Join(fmt.Errorf("database %s is %w", path, err), f.Close())
	}
	if err = inPlace(f, path); err != nil {
		return nil, false, errors.Join(err, f.Close())
	}
	return f, created, nil
}

// exclude takes the lock of a file that no process may have open; ErrInUse if
// one has.
func exclude(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	switch {
	case errors.Is(err, unix.EWOULDBLOCK):
		return ErrInUse
	case err != nil:
		return fmt.Errorf("not to be locked: %w", err)
	}
	return nil
}

// inPlace returns an error unless the open file f is the one that path names.
func inPlace(f *os.File, path string) error {
	same, err := sameFile(path, f)
	if err != nil {
		return err
	}
	if !same {
		return fmt.Errorf("database %s is %w, which has just replaced it", path, ErrInUse)
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

// ownerOf returns who is to own a file that takes the place of path: who owns
// that. If it has just been created by root, who owns its directory.
func ownerOf(path string, created bool) (*syscall.Stat_t, error) {
	if created && os.Geteuid() == 0 {
		path = filepath.Dir(path)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	return info.Sys().(*syscall.Stat_t), nil
}

// own gives f to the owner unless it is theirs already.
func own(f *os.File, owner *syscall.Stat_t) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if now := info.Sys().(*syscall.Stat_t); now.Uid == owner.Uid && now.Gid == owner.Gid {
		return nil
	}
	return f.Chown(int(owner.Uid), int(owner.Gid))
}
