package store

import (
	"os"
	"unsafe"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

// adviseFrom is the size from which the kernel is told about a value. Smaller
// ones gain nothing, and bbolt may have copied them out of the mapping.
const adviseFrom = 64 << 10

// willNeed has the kernel read the pages of a value that lies in a database's
// mapping. bbolt turns off read-ahead, and one page a fault is slow from a disk
// that has to seek.
func willNeed(value []byte) { advise(value, unix.MADV_WILLNEED) }

// dontNeed takes the pages of a value that lies in a database's mapping out of
// the process's memory; they stay in the page cache as long as there is room.
func dontNeed(value []byte) { advise(value, unix.MADV_DONTNEED) }

// forget takes a database's mapping out of the process's memory, as dontNeed
// does with a value's.
func forget(db *bbolt.DB) {
	_ = db.View(func(tx *bbolt.Tx) error {
		forgetTx(tx)
		return nil
	})
}

// forgetTx is forget within a transaction. What is looked at again is mapped
// anew.
func forgetTx(tx *bbolt.Tx) {
	_, _, _ = unix.Syscall(unix.SYS_MADVISE, tx.DB().Info().Data, uintptr(tx.Size()), unix.MADV_DONTNEED)
}

// advise gives advice for the whole pages within a value. It is advice: what
// comes of it makes no difference to the caller.
func advise(value []byte, advice int) {
	if len(value) < adviseFrom {
		return
	}
	page := uintptr(os.Getpagesize())
	start := -uintptr(unsafe.Pointer(unsafe.SliceData(value))) & (page - 1)
	size := (uintptr(len(value)) - start) &^ (page - 1)
	_ = unix.Madvise(value[start:start+size], advice)
}
