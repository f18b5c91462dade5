package memory

import "golang.org/x/sys/unix"

// physical returns the host's memory in bytes, or 0.
func physical() uint64 {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return 0
	}
	total := uint64(info.Unit)
	total *= uint64(info.Totalram) //nolint:unconvert // 32 bits wide on some systems
	return total
}
