// Package memory finds out how much memory the process may use: the host's, or
// what a control group leaves it.
package memory

import (
	"errors"
	"io/fs"
	"os"
)

// Limit is the memory that the process may use, and what sets it.
type Limit struct {
	// Bytes is 0 if the limit is not known.
	Bytes uint64
	// Source is the file of the control group, or "RAM".
	Source string
}

// ErrUnknown says that this system does not tell how much memory it has.
var ErrUnknown = errors.New("this system does not tell how much memory it has")

// sourceRAM is the Source of a limit that is the host's memory.
const sourceRAM = "RAM"

// Find returns the smaller of the host's memory and the limits of the control
// groups that the process is in.
func Find() (Limit, error) { return find(os.DirFS("/"), physical()) }

// find is Find with the file system and the host's memory in bytes, 0 if that is
// not known.
func find(root fs.FS, ram uint64) (Limit, error) {
	least := Limit{Bytes: ram, Source: sourceRAM}
	for _, l := range groupLimits(root) {
		if least.Bytes == 0 || l.Bytes < least.Bytes {
			least = l
		}
	}
	if least.Bytes == 0 {
		return Limit{}, ErrUnknown
	}
	return least, nil
}
