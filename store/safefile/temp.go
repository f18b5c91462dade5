package safefile

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Temp is a new file beside a place, to take that place once it is whole. It is
// readable and writable for its owner only.
type Temp struct {
	*os.File
	place *Place
	name  string // empty once it has taken the place, or is discarded
}

var errReplaced = errors.New("another file was put in place of the new one")

// Temp makes a file whose name is the place's followed by suffix. What an
// interruption left under that name is removed, unless it is a folder.
func (p *Place) Temp(suffix string) (*Temp, error) {
	name := p.name + suffix
	if err := p.remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	f, err := p.create(name)
	if err != nil {
		return nil, err
	}
	return &Temp{f, p, name}, nil
}

// Dup returns the same open file once more, for a caller that closes it. Locks
// of flock(2) are of both.
func (t *Temp) Dup() (*os.File, error) {
	fd, err := unix.FcntlInt(t.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "dup", Path: t.Name(), Err: err}
	}
	return os.NewFile(uintptr(fd), t.Name()), nil
}

// Commit puts what was written on disk and the file in its place, instead of
// what is there, for good.
func (t *Temp) Commit() error {
	if err := t.Sync(); err != nil {
		return err
	}
	dir := int(t.place.dir.Fd())
	if err := unix.Renameat(dir, t.name, dir, t.place.name); err != nil {
		return &os.LinkError{Op: "rename", Old: t.Name(), New: t.place.path, Err: err}
	}
	t.name = ""
	if same, err := t.place.Names(t.File); err != nil {
		return err
	} else if !same {
		return &fs.PathError{Op: "rename", Path: t.place.path, Err: errReplaced}
	}
	return t.place.Sync()
}

// Discard closes the file, and removes it unless it has taken its place.
func (t *Temp) Discard() {
	if t.name != "" {
		_ = t.place.remove(t.name) // what is left over is never read
		t.name = ""
	}
	_ = t.Close() // what was to be kept is on disk
}
