package safefile

import (
	"os"

	"golang.org/x/sys/unix"
)

// folderFlags open a folder to look into it, which does not take the permission
// to list it.
const folderFlags = unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC

// look says what a name in a folder stands for. All that it says is of one file.
func look(dir *os.File, name string) (n node, err error) {
	fd, err := retry(func() (int, error) {
		return unix.Openat(int(dir.Fd()), name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return n, err
	}
	f := os.NewFile(uintptr(fd), name)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		_ = f.Close() // was only looked at
		return n, err
	}
	n.owner = st.Uid
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		n.dir = f
		return n, nil
	case unix.S_IFLNK:
		n.link = true
		n.target, err = target(fd, "")
	}
	_ = f.Close() // was only looked at
	return n, err
}
