package listen

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"syscall"

	"keeptrack/cmd/internal/config"
)

// Binder binds the sockets of all servers and closes what they leave.
type Binder struct {
	passed  *Passed
	servers []*Listeners
	unix    []*unixSocket // as made here
}

// NewBinder returns a Binder that prefers sockets which were passed; nil: none were.
func NewBinder(p *Passed) *Binder {
	if p == nil {
		p = &Passed{}
	}
	return &Binder{passed: p}
}

// Listeners are those of one server for streams.
type Listeners struct {
	server  string // begins its errors
	all     []net.Listener
	names   []string
	waiting []string // paths of unix sockets to come
}

// All returns the listeners, which are the server's to close.
func (l *Listeners) All() []net.Listener { return l.all }

// Names returns the endpoints listened on, as a config has them.
func (l *Listeners) Names() []string { return l.names }

func (l *Listeners) add(to net.Listener, name string) {
	l.all, l.names = append(l.all, to), append(l.names, name)
}

// Streams binds the TCP endpoints of a server; Unix makes its unix sockets. Port 0 lets
// the system choose. IPv4 and IPv6 never share a socket. A wildcard address of a family
// that the host lacks is left out, unless nothing else is left. An error names the
// server and the address. What is bound is the Binder's to close until it is served.
func (b *Binder) Streams(server string, at []config.Endpoint) (*Listeners, error) {
	l := &Listeners{server: server}
	b.servers = append(b.servers, l)
	var addrs []netip.AddrPort
	for _, e := range at {
		if e.Unix != "" {
			l.waiting = append(l.waiting, e.Unix)
		} else if e.AddrPort.IsValid() {
			addrs = append(addrs, e.AddrPort)
		}
	}
	err := each(addrs, len(l.waiting) > 0, func(addr netip.AddrPort) error {
		tcp, err := b.tcp(addr)
		if err != nil {
			return fmt.Errorf("%s: %w", server, err)
		}
		l.add(tcp, tcp.Addr().String())
		return nil
	})
	return l, err
}

func (b *Binder) tcp(addr netip.AddrPort) (net.Listener, error) {
	if l, err := b.passed.TakeTCP(addr); l != nil || err != nil {
		return l, err
	}
	return listenTCP(addr)
}

// listenTCP listens on one address with its family alone, so that the wildcard
// addresses of both can be used side by side. Servers bound the idle time of their
// connections, so neither keep-alive probes nor multipath TCP are worth their system
// calls.
func listenTCP(addr netip.AddrPort) (net.Listener, error) {
	network := "tcp6"
	if addr.Addr().Is4() {
		network = "tcp4"
	}
	c := &net.ListenConfig{KeepAlive: -1}
	c.SetMultipathTCP(false)
	return c.Listen(context.Background(), network, addr.String())
}

// Datagrams has open bind each UDP address, or take over each socket that was passed
// for it. The file is open's to copy. Families that the host lacks are left out as by
// Streams.
func (b *Binder) Datagrams(addrs []netip.AddrPort, open func(addr netip.AddrPort, passed *os.File) error) error {
	return each(addrs, false, func(addr netip.AddrPort) error {
		files := b.passed.TakeUDP(addr)
		if files == nil {
			return open(addr, nil)
		}
		var errs []error
		for _, file := range files {
			errs = append(errs, open(addr, file))
			_ = file.Close() // there is a copy
		}
		return errors.Join(errs...)
	})
}

// Unix makes the unix sockets of all servers that are still to come and that now says
// it is time for.
func (b *Binder) Unix(now func(path string) bool) error {
	for _, l := range b.servers {
		var later []string
		for _, path := range l.waiting {
			if !now(path) {
				later = append(later, path)
				continue
			}
			to, err := b.listenUnix(path)
			if err != nil {
				return fmt.Errorf("%s: %w", l.server, err)
			}
			l.add(to, config.Endpoint{Unix: path}.String())
		}
		l.waiting = later
	}
	return nil
}

func (b *Binder) listenUnix(path string) (net.Listener, error) {
	if l, err := b.passed.TakeUnix(path); l != nil || err != nil {
		return l, err
	}
	u, err := newUnixSocket(path)
	if err != nil {
		return nil, err
	}
	b.unix = append(b.unix, u)
	return u, nil
}

// Rest returns an error that names the passed sockets that nobody has taken, if any.
func (b *Binder) Rest() error { return b.passed.Rest() }

// Close closes the listeners that are still open, and removes the files of the unix
// sockets made here.
func (b *Binder) Close() error {
	var errs []error
	for _, l := range b.servers {
		for _, to := range l.all {
			if err := to.Close(); !errors.Is(err, net.ErrClosed) {
				errs = append(errs, err)
			}
		}
	}
	for _, u := range b.unix {
		// What root has made in a folder of root's stays: the next start replaces it.
		if err := u.Remove(); !errors.Is(err, fs.ErrPermission) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// each binds every address in its plain form. That a wildcard address is of a family
// which the host lacks is an error only if nothing else is bound; others says that
// something else will be.
func each(addrs []netip.AddrPort, others bool, bind func(netip.AddrPort) error) error {
	var missing error
	for _, addr := range addrs {
		addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
		err := bind(addr)
		switch {
		case err == nil:
			others = true
		case addr.Addr().IsUnspecified() && noFamily(err):
			missing = errors.Join(missing, err)
		default:
			return err
		}
	}
	if others {
		return nil
	}
	return missing
}

// noFamily tells whether err means that the host lacks an address family.
func noFamily(err error) bool {
	return errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EADDRNOTAVAIL)
}
