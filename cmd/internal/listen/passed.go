package listen

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"
)

// Passed are the sockets that a service manager has bound and passed to the
// process (sd_listen_fds(3)). They are told apart by what they are bound to.
type Passed struct{ sockets []passed }

type passed struct {
	name string // network and address: "udp 127.0.0.1:6969", "unix /run/a.sock"
	file *os.File
}

// Inherit returns the sockets that were passed to this process. It is called
// once, and takes them off the environment.
func Inherit() (*Passed, error) { return identifyAll(activation.Files(true)) }

func identifyAll(files []*os.File) (*Passed, error) {
	p := &Passed{}
	for _, file := range files {
		name, err := identify(file)
		if err != nil {
			return nil, fmt.Errorf("passed descriptor %s: %w", file.Name(), err)
		}
		p.sockets = append(p.sockets, passed{name, file})
	}
	return p, nil
}

// TakeUDP returns the sockets bound to a UDP address, which are the caller's to
// close.
func (p *Passed) TakeUDP(addr netip.AddrPort) (files []*os.File) {
	p.sockets = slices.DeleteFunc(p.sockets, func(s passed) bool {
		taken := s.name == "udp "+addr.String()
		if taken {
			files = append(files, s.file)
		}
		return taken
	})
	return files
}

// TakeTCP returns the listener on a TCP address, nil if none was passed.
func (p *Passed) TakeTCP(addr netip.AddrPort) (net.Listener, error) {
	return p.listener("tcp " + addr.String())
}

// TakeUnix returns the listener on the unix socket at path, nil if none was
// passed. Closing it leaves the socket's file.
func (p *Passed) TakeUnix(path string) (net.Listener, error) { return p.listener("unix " + path) }

// Rest returns an error that names the sockets that nobody has taken, if any.
func (p *Passed) Rest() error {
	var names []string
	for _, s := range p.sockets {
		names = append(names, s.name)
	}
	if names == nil {
		return nil
	}
	return fmt.Errorf("the config does not listen on these passed sockets: %s", strings.Join(names, ", "))
}

func (p *Passed) listener(name string) (net.Listener, error) {
	i := slices.IndexFunc(p.sockets, func(s passed) bool { return s.name == name })
	if i < 0 {
		return nil, nil
	}
	l, err := net.FileListener(p.sockets[i].file)
	if err != nil {
		return nil, fmt.Errorf("passed socket %s: %w", name, err)
	}
	_ = p.sockets[i].file.Close() // the listener has a copy
	p.sockets = slices.Delete(p.sockets, i, i+1)
	return l, nil
}

var (
	errKind     = errors.New("is neither a UDP socket nor a listener for TCP or a unix socket")
	errBothWays = errors.New("takes IPv4 as well as IPv6: use one for each (BindIPv6Only=ipv6-only)")
)

// identify returns the name of a passed socket.
func identify(file *os.File) (name string, err error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return "", err
	}
	both := false
	if err := raw.Control(func(fd uintptr) { both = takesBothFamilies(int(fd)) }); err != nil {
		return "", err
	}
	if l, err := net.FileListener(file); err == nil {
		defer l.Close()
		return nameOf(l.Addr(), both)
	}
	c, err := net.FilePacketConn(file)
	if err != nil {
		return "", errKind
	}
	defer c.Close()
	return nameOf(c.LocalAddr(), both)
}

// nameOf returns the name of a socket with that address.
func nameOf(addr net.Addr, both bool) (string, error) {
	var ap netip.AddrPort
	switch a := addr.(type) {
	case *net.UDPAddr:
		ap = a.AddrPort()
	case *net.TCPAddr:
		ap = a.AddrPort()
	case *net.UnixAddr:
		if a.Net != "unix" {
			return "", errKind
		}
		return "unix " + a.Name, nil
	default:
		return "", errKind
	}
	if both && ap.Addr().Is6() && ap.Addr().IsUnspecified() {
		return "", errBothWays
	}
	return addr.Network() + " " + netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()).String(), nil
}

// takesBothFamilies tells whether an IPv6 socket takes IPv4 as well.
func takesBothFamilies(fd int) bool {
	only, err := syscall.GetsockoptInt(fd, syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY)
	return err == nil && only == 0
}
