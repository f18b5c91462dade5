package daemon

import (
	"errors"
	"net/netip"
	"os"

	"keeptrack/cmd/internal/config"
	"keeptrack/cmd/internal/listen"
	"keeptrack/livesync/transport"
	"keeptrack/livesync/transport/multicast"
	"keeptrack/store/safefile"
	"keeptrack/tracker/udp"
)

// sockets are what clients, the operator and other instances come to. All are bound
// before anything is loaded: what comes meanwhile waits in them.
type sockets struct {
	binder *listen.Binder
	udp    udp.Sockets
	http   *listen.Listeners
	admin  *listen.Listeners
	group  transport.Transport // nil when live sync is off
}

// bind binds what the config names, or takes it over from what was passed.
func (d *Daemon) bind() (err error) {
	d.sockets.binder = listen.NewBinder(d.opts.Passed)
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
	if err := d.sockets.binder.Unix(d.boundByRoot); err != nil {
		return err
	}
	if err := d.dropPrivileges(); err != nil {
		return err
	}
	if err := d.sockets.binder.Unix(func(string) bool { return true }); err != nil {
		return err
	}
	return d.sockets.binder.Rest()
}

// bindAddresses binds what clients and the operator come to from elsewhere.
func (d *Daemon) bindAddresses() (err error) {
	s, c := &d.sockets, d.config
	if s.admin, err = s.binder.Streams("admin", []config.Endpoint{c.Admin.Listen}); err != nil {
		return err
	}
	o := d.udpOptions()
	err = s.binder.Datagrams(c.UDP.Listen, func(addr netip.AddrPort, passed *os.File) error { return s.udp.Open(o, addr, passed) })
	if err != nil {
		return err
	}
	s.http, err = s.binder.Streams("http", c.HTTP.Listen)
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

// close releases what is not served any more, or never was.
func (s *sockets) close() error {
	errs := []error{s.udp.Close(), s.binder.Close()}
	if s.group != nil {
		errs = append(errs, s.group.Close())
	}
	return errors.Join(errs...)
}
