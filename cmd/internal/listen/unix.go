// Package listen takes what the config names to sockets: TCP, UDP and unix ones, bound
// here or passed by a service manager. Every server of the daemon gets its sockets from
// it.
package listen

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"sync"
	"syscall"

	"keeptrack/store/safefile"
)

// unixMode is what a unix socket may be used by: the daemon's user and group.
const unixMode = 0o660

// unixSocket is a unix socket that is listened on.
type unixSocket struct {
	*net.UnixListener
	at   *safefile.Place
	file safefile.File // as it was made
}

// newUnixSocket listens on a unix socket at path, which the owner and the group of
// the process may connect to. A socket that is there is replaced if nobody
// listens on it. Closing leaves the file, which Remove removes.
func newUnixSocket(path string) (*unixSocket, error) {
	at, err := safefile.Locate(path)
	if err != nil {
		return nil, fmt.Errorf("listen unix: %w", err) // names the path
	}
	u, err := listenAt(at, path)
	if err != nil {
		return nil, errors.Join(err, at.Close())
	}
	return u, nil
}

// listenAt is newUnixSocket at a place.
func listenAt(at *safefile.Place, path string) (*unixSocket, error) {
	if err := makeWay(at, path); err != nil {
		return nil, fmt.Errorf("listen unix %s: %w", path, err)
	}
	l, err := listenWithMode(path)
	if err != nil {
		return nil, err // names the path
	}
	l.SetUnlinkOnClose(false)
	file, err := at.Stat()
	if err == nil && !file.Socket() {
		err = fmt.Errorf("listen unix %s: %w", path, errMoved)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &unixSocket{UnixListener: l, at: at, file: file}, nil
}

// Remove removes the socket's file, unless another has taken its place. It is
// called once.
func (u *unixSocket) Remove() error {
	defer u.at.Close() // was only looked into
	now, err := u.at.Stat()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !now.Is(u.file):
		return nil
	}
	return u.at.Remove()
}

var (
	errNoSocket = errors.New("a file that is not a socket is there")
	errMoved    = errors.New("its folder was moved meanwhile")
)

// makeWay removes a socket at path on which nobody listens.
func makeWay(at *safefile.Place, path string) error {
	if link, err := os.Lstat(path); err == nil && link.Mode().Type() == fs.ModeSymlink {
		return errNoSocket
	}
	file, err := at.Stat()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !file.Socket() {
		return errNoSocket
	}
	conn, err := net.Dial("unix", path)
	if err == nil {
		conn.Close()
		return syscall.EADDRINUSE
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return at.Remove()
}

var umask sync.Mutex // held while the process's umask is another

// listenWithMode makes the socket with its mode from the start.
func listenWithMode(path string) (*net.UnixListener, error) {
	umask.Lock()
	defer umask.Unlock()
	defer syscall.Umask(syscall.Umask(0o777 &^ unixMode))
	return net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
}
