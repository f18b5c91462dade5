//go:build darwin || dragonfly || freebsd || netbsd

package memory

import (
	"encoding/binary"
	"runtime"

	"golang.org/x/sys/unix"
)

// physical returns the host's memory in bytes, or 0.
func physical() uint64 {
	name := map[string]string{"darwin": "hw.memsize", "netbsd": "hw.physmem64"}[runtime.GOOS]
	if name == "" {
		name = "hw.physmem"
	}
	switch b, err := unix.SysctlRaw(name); {
	case err != nil:
		return 0
	case len(b) == 8:
		return binary.NativeEndian.Uint64(b)
	case len(b) == 4:
		return uint64(binary.NativeEndian.Uint32(b))
	}
	return 0
}
