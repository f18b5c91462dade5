package snapshot

import (
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// freeBytes returns how many bytes the file system of a file has room for, if it
// tells.
func freeBytes(f *os.File) (n int64, known bool) {
	var st unix.Statfs_t
	if unix.Fstatfs(int(f.Fd()), &st) != nil || st.Blocks == 0 {
		return 0, false
	}
	return int64(min(st.Bavail, math.MaxInt64/uint64(st.Bsize)) * uint64(st.Bsize)), true
}
