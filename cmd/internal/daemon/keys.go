package daemon

import (
	"fmt"

	"keeptrack/cmd/internal/config"
	"keeptrack/livesync/wire"
)

// ReadKeys reads the key file of live sync at path; an empty path stands for
// none, and gives nil. A file that others than its owner and group can read or
// write is refused. The error names the config's key, the file and the line, and
// nothing of what the file holds.
func ReadKeys(path string) (*wire.Keys, error) {
	if path == "" {
		return nil, nil
	}
	f, info, err := config.OpenFile(path)
	if err != nil {
		return nil, fmt.Errorf("livesync.key_file: %w", err)
	}
	defer f.Close()
	if mode := info.Mode().Perm(); mode&0o007 != 0 {
		return nil, fmt.Errorf("livesync.key_file: %s: its mode %04o lets everybody on this host at the key, make it 0600", path, mode)
	}
	keys, err := wire.ParseKeys(f)
	if err != nil {
		return nil, fmt.Errorf("livesync.key_file: %s: %w", path, err)
	}
	return keys, nil
}
