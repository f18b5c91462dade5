// Package privilege gives up what a process may do as root.
package privilege

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"slices"
	"strconv"
	"syscall"
)

var (
	errRoot    = errors.New("is root, who keeps all privileges")
	errKept    = errors.New("root could be regained")
	errNotRoot = errors.New("only root can become another user")
)

// Drop has all threads of the process become a user, given by name or number,
// with the user's groups and no capability. On Linux that takes CAP_SETUID and
// CAP_SETGID, and what is executed later gains none either. If the program was
// linked with C, whose threads cannot be told, it might, and capabilities that
// were inheritable stay so; confined is false then. Nothing is done if the
// process is that user already.
func Drop(name string) (confined bool, err error) {
	u, uid, err := find(name)
	if err != nil {
		return false, err
	}
	switch euid := os.Geteuid(); {
	case euid == uid:
		return true, nil
	case euid != 0:
		return false, fmt.Errorf("%q: %w", name, errNotRoot)
	}
	gid, groups, err := groupsOf(u)
	if err != nil {
		return false, err
	}
	return drop(uid, gid, groups)
}

// drop is for root.
func drop(uid, gid int, groups []int) (confined bool, err error) {
	if confined, err = confine(); err != nil {
		return false, err
	}
	return confined, become(uid, gid, groups)
}

// Check returns why Drop would refuse a user, whoever calls it: the host has none of
// that name or number, or it is root.
func Check(name string) error {
	_, _, err := find(name)
	return err
}

// find returns a user, given by name or number, who is not root.
func find(name string) (u *user.User, uid int, err error) {
	if u, err = lookup(name); err != nil {
		return nil, 0, err
	}
	if uid, err = strconv.Atoi(u.Uid); err != nil {
		return nil, 0, err
	}
	if uid == 0 {
		return nil, 0, fmt.Errorf("%q: %w", name, errRoot)
	}
	return u, uid, nil
}

// lookup returns a user given by name or number.
func lookup(name string) (*user.User, error) {
	u, err := user.Lookup(name)
	if _, unknown := errors.AsType[user.UnknownUserError](err); unknown {
		if _, numeric := strconv.ParseUint(name, 10, 32); numeric == nil {
			u, err = user.LookupId(name)
		}
	}
	return u, err
}

// MayWrite reports whether a user, given by name or number, may make files in a
// folder by its owner, group and mode.
func MayWrite(name string, folder fs.FileInfo) (bool, error) {
	u, err := lookup(name)
	if err != nil {
		return false, err
	}
	gid, groups, err := groupsOf(u)
	if err != nil {
		return false, err
	}
	const write, search = 2, 1
	st := folder.Sys().(*syscall.Stat_t)
	mode := folder.Mode().Perm()
	switch {
	case strconv.FormatUint(uint64(st.Uid), 10) == u.Uid:
		mode >>= 6
	case int(st.Gid) == gid || slices.Contains(groups, int(st.Gid)):
		mode >>= 3
	}
	return mode&(write|search) == write|search, nil
}

func groupsOf(u *user.User) (gid int, groups []int, err error) {
	if gid, err = strconv.Atoi(u.Gid); err != nil {
		return 0, nil, err
	}
	ids, err := u.GroupIds()
	if err != nil {
		return 0, nil, err
	}
	for _, id := range ids {
		g, err := strconv.Atoi(id)
		if err != nil {
			return 0, nil, err
		}
		groups = append(groups, g)
	}
	return gid, groups, nil
}

// become is for root, which cannot be had back.
func become(uid, gid int, groups []int) error {
	if err := syscall.Setgroups(groups); err != nil {
		return refused("setgroups", "CAP_SETGID", err)
	}
	if err := syscall.Setgid(gid); err != nil {
		return refused("setgid", "CAP_SETGID", err)
	}
	if err := syscall.Setuid(uid); err != nil {
		return refused("setuid", "CAP_SETUID", err)
	}
	if err := shed(); err != nil {
		return err
	}
	if syscall.Setuid(0) == nil {
		return errKept
	}
	return nil
}

// refused returns the error of a system call, nil if it is nil. Root that may not make it, as in a
// container, lacks the capability.
func refused(call, capability string, err error) error {
	if errors.Is(err, syscall.EPERM) {
		return fmt.Errorf("%s: %w: root lacks %s here", call, err, capability)
	}
	return os.NewSyscallError(call, err)
}
