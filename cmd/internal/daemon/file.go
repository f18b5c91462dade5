package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

var errNoFile = errors.New("is a directory or a pipe")

// openFile opens a file that the config names, to read it. Nobody may ever write
// to a pipe: opening one must not wait for that.
func openFile(path string) (*os.File, fs.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Mode()&(fs.ModeDir|fs.ModeNamedPipe) != 0 {
		err = fmt.Errorf("%s: %w", path, errNoFile)
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, info, nil
}
