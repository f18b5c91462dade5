package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"slices"

	"keeptrack/cmd/internal/socket"
	"keeptrack/livesync/transport"
	"keeptrack/livesync/transport/multicast"
	"keeptrack/store/safefile"
	"keeptrack/tracker/http"
	"keeptrack/tracker/udp"
)

// sockets are what clients and the operator come to. All are bound before
// anything is loaded: what comes meanwhile waits in them.
type sockets struct {
	udp   *udp.Sockets // nil when UDP is turned off
	http  []net.Listener
	admin net.Listener // nil when it is turned off
	unix  []*socket.Unix
	done  []string            // the paths of the unix sockets in http
	group transport.Transport // nil when live sync is off
}

// bind binds what the config names, or takes it over from what was passed.
func (d *Daemon) bind() (err error) {
	if d.opts.Passed == nil {
		d.opts.Passed = &socket.Passed{}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.sockets.close())
		}
	}()
	if d.account, err = d.findAccount(); err != nil {
		return err
	}
	if err := d.bindAddresses(); err != nil {
		return err
	}
	if err := d.bindGroup(); err != nil {
		return err
	}
	if err := d.bindUnix(d.boundByRoot); err != nil {
		return err
	}
	if err := d.dropPrivileges(); err != nil {
		return err
	}
	if err := d.bindUnix(func(string) bool { return true }); err != nil {
		return err
	}
	return d.opts.Passed.Rest()
}

// bindAddresses binds what clients and the operator come to from elsewhere.
func (d *Daemon) bindAddresses() (err error) {
	if e := d.config.Admin.Listen; e.AddrPort.IsValid() {
		if d.sockets.admin, err = d.listenTCP(e.AddrPort); err != nil {
			return fmt.Errorf("admin: %w", err)
		}
	}
	if err := d.bindUDP(); err != nil {
		return err
	}
	var addrs []netip.AddrPort
	for _, e := range d.config.HTTP.Listen {
		if !e.AddrPort.IsValid() {
			continue
		}
		l, err := d.opts.Passed.TakeTCP(e.AddrPort)
		if err != nil {
			return err
		}
		if l == nil {
			addrs = append(addrs, e.AddrPort)
			continue
		}
		d.sockets.http = append(d.sockets.http, l)
	}
	bound, err := http.Bind(addrs)
	d.sockets.http = append(d.sockets.http, bound...)
	return err
}

// listenTCP listens on an address with its family alone, as the front ends do.
func (d *Daemon) listenTCP(addr netip.AddrPort) (net.Listener, error) {
	if l, err := d.opts.Passed.TakeTCP(addr); l != nil || err != nil {
		return l, err
	}
	network := "tcp6" // otherwise a wildcard address would be those of both families
	if addr.Addr().Is4() {
		network = "tcp4"
	}
	return net.Listen(network, addr.String())
}

func (d *Daemon) bindUDP() (err error) {
	if len(d.config.UDP.Listen) == 0 {
		return nil
	}
	o := d.udpOptions()
	o.Listen = slices.DeleteFunc(slices.Clone(o.Listen), func(addr netip.AddrPort) bool {
		files := d.opts.Passed.TakeUDP(addr)
		o.Passed = append(o.Passed, files...)
		return files != nil
	})
	d.sockets.udp, err = udp.Bind(o)
	for _, file := range o.Passed {
		_ = file.Close() // there are copies
	}
	return err
}

// bindGroup opens the sockets of live sync, if it is turned on.
func (d *Daemon) bindGroup() (err error) {
	c := &d.config.LiveSync
	if !c.Enabled {
		return nil
	}
	d.sockets.group, err = multicast.New(multicast.Options{
		Interface: c.Interface,
		Group:     c.Group,
		Port:      c.Port,
		Nodes:     c.Nodes,
		Loopback:  c.Loopback,
		MaxPacket: c.MaxPayload,
		Log:       d.log,
	})
	return err
}

// boundByRoot reports whether root listens on a unix socket before it becomes the
// owner of the database's folder: one in a folder of root's, where that user could
// not make it.
func (d *Daemon) boundByRoot(path string) bool {
	if d.account.owner == nil {
		return false
	}
	owner, err := safefile.FolderOwner(path)
	return err == nil && owner.UID == 0
}

// bindUnix listens on the unix sockets that it is time for, as now reports, and
// that are not listened on yet.
func (d *Daemon) bindUnix(now func(path string) bool) (err error) {
	if path := d.config.Admin.Listen.Unix; path != "" && d.sockets.admin == nil && now(path) {
		if d.sockets.admin, err = d.listenUnix(path); err != nil {
			return fmt.Errorf("admin: %w", err)
		}
	}
	for _, e := range d.config.HTTP.Listen {
		if e.Unix == "" || slices.Contains(d.sockets.done, e.Unix) || !now(e.Unix) {
			continue
		}
		l, err := d.listenUnix(e.Unix)
		if err != nil {
			return fmt.Errorf("http: %w", err)
		}
		d.sockets.http = append(d.sockets.http, l)
		d.sockets.done = append(d.sockets.done, e.Unix)
	}
	return nil
}

func (d *Daemon) listenUnix(path string) (net.Listener, error) {
	if l, err := d.opts.Passed.TakeUnix(path); l != nil || err != nil {
		return l, err
	}
	l, err := socket.ListenUnix(path)
	if err != nil {
		return nil, err
	}
	d.sockets.unix = append(d.sockets.unix, l)
	return l, nil
}

// close releases what is not served any more, or never was, and removes the
// files of unix sockets.
func (s *sockets) close() error {
	var errs []error
	if s.udp != nil {
		errs = append(errs, s.udp.Close())
	}
	listeners := s.http
	if s.admin != nil {
		listeners = append(listeners, s.admin)
	}
	for _, l := range listeners {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if s.group != nil {
		errs = append(errs, s.group.Close())
	}
	for _, u := range s.unix {
		// What root has made in a folder of root's stays: the next start replaces it.
		if err := u.Remove(); !errors.Is(err, fs.ErrPermission) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
