package privilege

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// confine has no thread gain privileges by executing a program, and none find a
// capability there. The first is enough (PR_SET_NO_NEW_PRIVS(2const)). The
// second, which empties the bounding set, only bounds what the first forbids;
// it takes CAP_SETPCAP and is left out where root lacks that, as in containers
// that drop all but a few. ok is false if the program is linked with C.
func confine() (ok bool, err error) {
	errno := prctl(unix.PR_SET_NO_NEW_PRIVS, 1)
	if errno == syscall.ENOTSUP {
		return false, nil
	}
	if errno != 0 {
		return false, os.NewSyscallError("prctl", errno)
	}
	for c := uintptr(0); errno == 0; c++ {
		errno = prctl(unix.PR_CAPBSET_DROP, c)
	}
	if errno == syscall.EINVAL || errno == syscall.EPERM {
		return true, nil // the kernel knows no more of them, or CAP_SETPCAP is lacking
	}
	return false, os.NewSyscallError("prctl", errno)
}

// prctl is prctl(2) for all threads.
func prctl(option, argument uintptr) syscall.Errno {
	_, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, option, argument, 0, 0, 0, 0)
	return errno
}

// shed has no thread keep a capability. Those that are inheritable outlive
// becoming a user, and with some secure bits all do (capabilities(7)).
func shed() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData // 32 capabilities each
	_, _, errno := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&none)), 0)
	if errno == 0 || errno == syscall.ENOTSUP { // the program is linked with C
		return nil
	}
	return os.NewSyscallError("capset", errno)
}
