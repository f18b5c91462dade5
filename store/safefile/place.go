// Package safefile opens, makes and replaces files in a folder that may belong
// to somebody else, such as a daemon's user while root runs a command. The folder
// is held open, so that nobody can put another in its place; new files are made
// with O_EXCL and O_NOFOLLOW and handled by their descriptor from then on.
package safefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Place is a name in a folder that is held open. There may be a file of that
// name or none.
type Place struct {
	dir  *os.File // the folder
	name string   // of the file in it, without a slash
	path string   // the folder and the name, for errors
}

// Locate finds the place that path names, following symbolic links. It refuses a
// link to a file that does not exist, and one that somebody other than root and
// the process's user has made: that user could choose which file is opened.
// Root does not follow links in the folders of others either, whoever made them,
// because their owners can rename them. The caller closes the place.
func Locate(path string) (*Place, error) {
	p, _, err := locate(path)
	return p, err
}

// locate is Locate; the walker is where an error has come up.
func locate(path string) (*Place, *walker, error) {
	p, w, err := walk(path)
	if err == nil && len(w.chosenBy) > 0 {
		return nil, w, errors.Join(foreignLink(path, w.chosenBy[0]), p.Close())
	}
	return p, w, err
}

// Path returns the path of the file that the place is for, links resolved where
// it has links.
func (p *Place) Path() string { return p.path }

// Close releases the folder. Files that were opened stay open.
func (p *Place) Close() error { return p.dir.Close() }

// Open opens the regular file at the place, which flag says how: os.O_RDONLY or
// os.O_RDWR. It never follows a link, waits for a pipe or makes a file. The error
// is a *fs.PathError with the path.
func (p *Place) Open(flag int) (*os.File, error) {
	f, err := p.openat(p.name, flag|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: p.path, Err: ErrNotRegular}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// ErrNotRegular says that there is something other than a regular file.
var ErrNotRegular = errors.New("not a regular file")

// Create makes the file at the place, readable and writable for its owner only,
// opened for both. If there is anything it fails with fs.ErrExist.
func (p *Place) Create() (*os.File, error) { return p.create(p.name) }

func (p *Place) create(name string) (*os.File, error) {
	return p.openat(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}

func (p *Place) openat(name string, flag int, mode uint32) (*os.File, error) {
	path := p.beside(name)
	fd, err := retry(func() (int, error) {
		return unix.Openat(int(p.dir.Fd()), name, flag|unix.O_NOFOLLOW|unix.O_CLOEXEC, mode)
	})
	switch {
	case errors.Is(err, unix.ELOOP):
		err = errors.New("has become a symbolic link")
	case errors.Is(err, unix.EISDIR), errors.Is(err, unix.ENXIO): // ENXIO: a socket
		err = ErrNotRegular
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// Remove removes the file at the place. Without one the error is fs.ErrNotExist.
func (p *Place) Remove() error { return p.remove(p.name) }

func (p *Place) remove(name string) error {
	if err := unix.Unlinkat(int(p.dir.Fd()), name, 0); err != nil {
		return &fs.PathError{Op: "remove", Path: p.beside(name), Err: err}
	}
	return nil
}

// File is what identifies a file that is there, of whatever kind.
type File struct{ st unix.Stat_t }

// Is reports whether both are one file that was not modified in between: numbers of
// files are used again.
func (f File) Is(other File) bool {
	return f.st.Dev == other.st.Dev && f.st.Ino == other.st.Ino && f.st.Mtim == other.st.Mtim
}

// Socket reports whether the file is a unix socket.
func (f File) Socket() bool { return f.st.Mode&unix.S_IFMT == unix.S_IFSOCK }

// Stat returns what is at the place, a link itself; fs.ErrNotExist if nothing is.
func (p *Place) Stat() (File, error) {
	var f File
	if err := unix.Fstatat(int(p.dir.Fd()), p.name, &f.st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return f, &fs.PathError{Op: "stat", Path: p.path, Err: err}
	}
	return f, nil
}

// Names reports whether the place names the open file f.
func (p *Place) Names(f *os.File) (bool, error) {
	named, err := p.Stat()
	if err != nil {
		return false, err
	}
	var open unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &open); err != nil {
		return false, &fs.PathError{Op: "stat", Path: f.Name(), Err: err}
	}
	return named.st.Dev == open.Dev && named.st.Ino == open.Ino, nil
}

// Sync puts the folder's entries on disk: a file just made or renamed is not
// safe before.
func (p *Place) Sync() error {
	fd, err := unix.Openat(int(p.dir.Fd()), ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: filepath.Dir(p.path), Err: err}
	}
	dir := os.NewFile(uintptr(fd), filepath.Dir(p.path))
	return errors.Join(dir.Sync(), dir.Close())
}

// beside returns the path of a file of that name in the folder, for errors.
func (p *Place) beside(name string) string { return filepath.Join(filepath.Dir(p.path), name) }

// retry repeats a system call that a signal has interrupted.
func retry[T any](call func() (T, error)) (T, error) {
	for {
		v, err := call()
		if !errors.Is(err, unix.EINTR) {
			return v, err
		}
	}
}

func foreignLink(path string, uid uint32) error {
	return fmt.Errorf("%s: user %d decides where this symbolic link leads: not followed", path, uid)
}
