package udp

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// setReceiveBuffer asks for a receive buffer of size bytes, past the system's
// limit if the process has the privilege. Without it, a buffer that is larger
// than the limit stays as it is: whoever passed the socket had the privilege.
func setReceiveBuffer(fd, size int) error {
	if set(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, size) == nil {
		return nil
	}
	has, err := receiveBuffer(fd)
	if err != nil {
		return err
	}
	would, err := unprivilegedBuffer(size)
	if err != nil {
		return err
	}
	if would < min(has, size) {
		return nil
	}
	return set(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, size)
}

// receiveBuffer returns the size in bytes of a socket's receive buffer. The
// kernel doubles what it is asked for, to cover its own bookkeeping.
func receiveBuffer(fd int) (int, error) {
	doubled, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	if err != nil {
		return 0, os.NewSyscallError("getsockopt", err)
	}
	return doubled / 2, nil
}

// unprivilegedBuffer returns what the system grants of a receive buffer of size
// bytes to a process without the privilege, as a socket that is not used shows.
func unprivilegedBuffer(size int) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	if err := set(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, size); err != nil {
		return 0, err
	}
	return receiveBuffer(fd)
}

// logReceiveBuffer says how large a receive buffer the system granted; if that is
// less than was asked for, as a warning with what to set.
func logReceiveBuffer(fd int, o socketOptions) {
	if o.receiveBuffer == 0 {
		return
	}
	granted, err := receiveBuffer(fd)
	line := o.log.Debug()
	if granted < o.receiveBuffer {
		line = o.log.Warn().Str("hint", fmt.Sprintf("sysctl -w net.core.rmem_max=%d", o.receiveBuffer))
	}
	line.Err(err).Stringer("addr", o.addr).Int("asked", o.receiveBuffer).Int("granted", granted).Msg("udp receive buffer")
}
