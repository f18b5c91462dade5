//go:build linux && (amd64 || arm64)

package memory

import (
	"strings"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// ReleaseProgram takes the program's own code and constants out of the process's memory.
// What runs again is mapped again, from the system's copy of the file, at a fault for each
// 64 KiB. What only the start needed, a third and more, stays away.
func ReleaseProgram() error {
	self, err := procfs.Self()
	if err != nil {
		return err
	}
	program, err := self.Executable()
	if err != nil {
		return err
	}
	maps, err := self.ProcMaps()
	if err != nil {
		return err
	}
	for _, m := range maps {
		if strings.TrimSuffix(m.Pathname, deleted) != strings.TrimSuffix(program, deleted) || m.Perms.Write || m.StartAddr > highest {
			continue
		}
		_, _, errno := unix.Syscall(unix.SYS_MADVISE, m.StartAddr, m.EndAddr-m.StartAddr, unix.MADV_DONTNEED)
		if errno != 0 {
			return errno
		}
	}
	return nil
}

const (
	// deleted ends the path of a program that was replaced since it started.
	deleted = " (deleted)"
	// highest is above where programs lie that are not position independent. In others the
	// start writes to what is constant after that.
	highest = 1 << 32
)
