// Package socket opens unix sockets to listen on, and finds those sockets that a
// service manager has bound and passed to the process.
package socket

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"sync"
	"syscall"
)

// unixMode is what a unix socket may be used by: the daemon's user and group.
const unixMode = 0o660

// Unix is a unix socket that is listened on.
type Unix struct {
	*net.UnixListener
	path string
	file fs.FileInfo // as it was made
}

// ListenUnix listens on a unix socket at path, which the owner and the group of
// the process may connect to. A socket that is there is replaced if nobody
// listens on it. Closing leaves the file, which Remove removes.
func ListenUnix(path string) (*Unix, error) {
	if err := makeWay(path); err != nil {
		return nil, fmt.Errorf("listen unix %s: %w", path, err)
	}
	l, err := listenWithMode(path)
	if err != nil {
		return nil, err // names the path
	}
	l.SetUnlinkOnClose(false)
	file, err := os.Lstat(path)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &Unix{UnixListener: l, path: path, file: file}, nil
}

// Remove removes the socket's file, unless another has taken its place.
func (u *Unix) Remove() error {
	now, err := os.Lstat(u.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !os.SameFile(now, u.file) || !now.ModTime().Equal(u.file.ModTime()): // numbers of files are used again
		return nil
	}
	return os.Remove(u.path)
}

// makeWay removes a socket at path on which nobody listens.
func makeWay(path string) error {
	file, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if file.Mode().Type() != fs.ModeSocket {
		return errors.New("there is a file that is no socket")
	}
	conn, err := net.Dial("unix", path)
	if err == nil {
		conn.Close()
		return syscall.EADDRINUSE
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return os.Remove(path)
}

var umask sync.Mutex // held while the process's umask is another

// listenWithMode makes the socket with its mode from the start.
func listenWithMode(path string) (*net.UnixListener, error) {
	umask.Lock()
	defer umask.Unlock()
	defer syscall.Umask(syscall.Umask(0o777 &^ unixMode))
	return net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
}
