package daemon

import (
	"fmt"
	"os"

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
	f, err := openPrivate("livesync.key_file", path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	keys, err := wire.ParseKeys(f)
	if err != nil {
		return nil, fmt.Errorf("livesync.key_file: %s: %w", path, err)
	}
	return keys, nil
}

// openPrivate opens a file that the config's key names, and which others than its owner and
// group cannot read or write.
func openPrivate(key, path string) (*os.File, error) {
	f, info, err := config.OpenFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	if mode := info.Mode().Perm(); mode&0o007 != 0 {
		_ = f.Close()
		return nil, fmt.Errorf("%s: %s: its mode %04o gives everybody on this host access to the key: make it 0600", key, path, mode)
	}
	return f, nil
}
