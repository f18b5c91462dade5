package privilege

import (
	"errors"
	"os/user"
	"strconv"
	"syscall"
)

// Owner is who owns a folder: a user, not root, and a group, by number.
type Owner struct{ UID, GID int }

// String returns the user's name, or his number if he has none.
func (o Owner) String() string {
	if u, err := user.LookupId(strconv.Itoa(o.UID)); err == nil {
		return u.Username
	}
	return strconv.Itoa(o.UID)
}

// ids returns the groups of the owner. A user without a name is in the folder's
// group alone.
func (o Owner) ids() (gid int, groups []int, err error) {
	u, err := user.LookupId(strconv.Itoa(o.UID))
	if _, unknown := errors.AsType[user.UnknownUserIdError](err); unknown {
		return o.GID, nil, nil
	}
	if err != nil {
		return 0, nil, err
	}
	return groupsOf(u)
}

// Become is Drop for root that is to become the owner.
func (o Owner) Become() (confined bool, err error) {
	gid, groups, err := o.ids()
	if err != nil {
		return false, err
	}
	return drop(o.UID, gid, groups)
}

// Do has root run fn with what the owner may do, and no more. Files are opened
// and made as the owner meanwhile, in the whole process.
func (o Owner) Do(fn func() error) (err error) {
	gid, groups, err := o.ids()
	if err != nil {
		return err
	}
	own, err := syscall.Getgroups()
	if err != nil {
		return refused("getgroups", "", err)
	}
	defer func() { // the first of these steps gives back what the others take
		err = errors.Join(err,
			refused("seteuid", "CAP_SETUID", syscall.Seteuid(0)),
			refused("setegid", "CAP_SETGID", syscall.Setegid(syscall.Getgid())),
			refused("setgroups", "CAP_SETGID", syscall.Setgroups(own)))
	}()
	if err := syscall.Setgroups(groups); err != nil {
		return refused("setgroups", "CAP_SETGID", err)
	}
	if err := syscall.Setegid(gid); err != nil {
		return refused("setegid", "CAP_SETGID", err)
	}
	if err := syscall.Seteuid(o.UID); err != nil {
		return refused("seteuid", "CAP_SETUID", err)
	}
	return fn()
}
