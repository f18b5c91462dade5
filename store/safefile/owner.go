package safefile

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Owner is a user and a group by number.
type Owner struct{ UID, GID uint32 }

// Owner returns who owns the folder.
func (p *Place) Owner() (Owner, error) { return OwnerOf(p.dir) }

// OwnerOf returns who owns an open file.
func OwnerOf(f *os.File) (Owner, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return Owner{}, &fs.PathError{Op: "stat", Path: f.Name(), Err: err}
	}
	return Owner{st.Uid, st.Gid}, nil
}

// Give gives an open file to the owner unless it is theirs already. Only root can
// give a file to another user.
func (o Owner) Give(f *os.File) error {
	now, err := OwnerOf(f)
	if err != nil || now == o {
		return err
	}
	return f.Chown(int(o.UID), int(o.GID))
}

// FolderOwner returns who owns the folder of the file at path, which need not
// exist. It is for root that is about to become that user, and so it follows the
// links that this user has made.
func FolderOwner(path string) (Owner, error) {
	p, w, err := walk(path)
	if err != nil {
		return Owner{}, err
	}
	owner, err := p.Owner()
	if err == nil {
		for _, uid := range w.chosenBy {
			if uid != owner.UID {
				err = foreignLink(path, uid)
			}
		}
	}
	return owner, errors.Join(err, p.Close())
}
