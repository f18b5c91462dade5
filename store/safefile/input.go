package safefile

import (
	"errors"
	"os"
	"strings"
)

// OpenInput opens what path names to read it: a file, or a pipe, for whose
// writer it waits. Links are followed as by Locate. The caller closes it.
func OpenInput(path string) (*os.File, error) {
	p, w, err := locate(path)
	if errors.Is(err, errDangling) && len(w.chosenBy) == 0 && strings.HasPrefix(w.at, "/proc/") {
		return os.Open(path) // /dev/fd/N: the kernel's link to an open file, which may have no name
	}
	if err != nil {
		return nil, err
	}
	defer p.Close() // was only looked into
	return p.openat(p.name, os.O_RDONLY, 0)
}
