package privilege

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// confine has no thread gain privileges by executing a program, and none find a
// capability there.
func confine() error {
	errno := prctl(unix.PR_SET_NO_NEW_PRIVS, 1)
	if errno == syscall.ENOTSUP {
		return nil // the program is linked with C
	}
	for c := uintptr(0); errno == 0; c++ {
		errno = prctl(unix.PR_CAPBSET_DROP, c)
	}
	if errno == syscall.EINVAL {
		return nil // the kernel knows no more of them
	}
	return os.NewSyscallError("prctl", errno)
}

// prctl is prctl(2) for all threads.
func prctl(option, argument uintptr) syscall.Errno {
	_, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, option, argument, 0, 0, 0, 0)
	return errno
}
