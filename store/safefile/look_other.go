//go:build unix && !linux

package safefile

import (
	"os"

	"golang.org/x/sys/unix"
)

// folderFlags open a folder to look into it.
const folderFlags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC

// look says what a name in a folder stands for. A link cannot be held open
// here: one that changes meanwhile is an error.
func look(dir *os.File, name string) (n node, err error) {
	var st, again unix.Stat_t
	if err := unix.Fstatat(int(dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return n, err
	}
	n.owner = st.Uid
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		fd, err := unix.Openat(int(dir.Fd()), name, folderFlags|unix.O_NOFOLLOW, 0)
		if err != nil {
			return n, err
		}
		n.dir = os.NewFile(uintptr(fd), name)
	case unix.S_IFLNK:
		n.link = true
		if n.target, err = target(int(dir.Fd()), name); err != nil {
			return n, err
		}
		err = unix.Fstatat(int(dir.Fd()), name, &again, unix.AT_SYMLINK_NOFOLLOW)
		if err == nil && (again.Dev != st.Dev || again.Ino != st.Ino || again.Uid != st.Uid) {
			err = unix.ELOOP
		}
	}
	return n, err
}
