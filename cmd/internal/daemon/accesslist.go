package daemon

import (
	"fmt"

	"keeptrack/cmd/internal/config"
	"keeptrack/tracker"
)

// ReadAccessList reads the file that the config asks for; without one there is
// no list. rest is called now and then, see tracker.ReadAccessList. The error
// names the key, and the file with the line.
func ReadAccessList(c *config.Access, rest func()) (*tracker.HashSet, error) {
	if c.Mode == tracker.AccessOpen || c.File == "" {
		return nil, nil
	}
	f, info, err := config.OpenFile(c.File)
	if err != nil {
		return nil, fmt.Errorf("access.file: %w", err)
	}
	defer f.Close()
	list, err := tracker.ReadAccessList(f, int(min(info.Size()/lineSize, maxRoom))+1, rest)
	if err != nil {
		return nil, fmt.Errorf("access.file: %s: %w", c.File, err)
	}
	return list, nil
}

const (
	// lineSize is the number of bytes of a line with an info hash and nothing
	// else.
	lineSize = 40 + 1
	// maxRoom is the most hashes that memory is taken for by the size of a file
	// alone, which need not hold any.
	maxRoom = 1 << 24
)
