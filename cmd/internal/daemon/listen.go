package daemon

import (
	"context"
	"errors"

	"keeptrack/cmd/internal/admin"
	"keeptrack/livesync"
	"keeptrack/tracker/http"
	"keeptrack/tracker/udp"
)

// listen binds the front ends and live sync.
func (d *Daemon) listen() error {
	if err := d.listenUDP(); err != nil {
		return err
	}
	if err := d.listenHTTP(); err != nil {
		return errors.Join(err, d.closeFront())
	}
	if err := d.joinGroup(); err != nil {
		return errors.Join(err, d.closeFront())
	}
	return nil
}

func (d *Daemon) listenUDP() (err error) {
	c := &d.config.UDP
	if len(c.Listen) == 0 {
		return nil
	}
	secret := c.ConnectionSecret
	if secret == nil {
		secret = d.store.Secret()
	}
	d.udp, err = udp.Listen(udp.Options{
		Listen:               c.Listen,
		Workers:              c.Workers,
		ReceiveBuffer:        c.ReceiveBuffer,
		BatchDelay:           c.BatchDelay,
		ConnectionIDLifetime: c.ConnectionIDLifetime,
		Secret:               secret,
		Log:                  d.log,
	}, d.tracker)
	return err
}

func (d *Daemon) listenHTTP() (err error) {
	c := &d.config.HTTP
	if len(c.Listen) == 0 {
		return nil
	}
	d.http, err = http.Listen(http.Options{
		Listen:         c.Listen,
		TrustedProxies: c.TrustedProxies,
		RedirectURL:    c.RedirectURL,
		FullScrape:     c.FullScrape,
		MaxConnections: c.MaxConnections,
		Log:            d.log,
	}, d.tracker)
	return err
}

// joinGroup makes the live sync node, if it is turned on.
func (d *Daemon) joinGroup() error {
	c := &d.config.LiveSync
	if !c.Enabled {
		return nil
	}
	transport, err := livesync.ListenMulticast(livesync.MulticastOptions{
		Interface: c.Interface,
		Group:     c.Group,
		Port:      c.Port,
		Loopback:  c.Loopback,
		Log:       d.log,
	})
	if err != nil {
		return err
	}
	o := livesync.Options{
		Nodes:            c.Nodes,
		MaxPayload:       c.MaxPayload,
		MaxDelay:         c.MaxDelay,
		FirstBeaconDelay: c.FirstBeaconDelay,
		BeaconInterval:   c.BeaconInterval,
		InquireThreshold: c.InquireThreshold,
		TellRate:         c.TellRate,
		Keys:             d.opts.Keys,
		AcceptPlain:      c.AcceptPlain,
		Log:              d.log,
	}
	copy(o.ID[:], c.ID)
	d.node, err = livesync.New(o, transport, d.tracker)
	if err != nil {
		return errors.Join(err, transport.Close())
	}
	return nil
}

// closeFront releases the front ends' addresses when they are not going to
// serve.
func (d *Daemon) closeFront() error {
	var errs []error
	if d.udp != nil {
		errs = append(errs, d.udp.Close())
	}
	if d.http != nil {
		errs = append(errs, d.http.Close())
	}
	return errors.Join(errs...)
}

// openAdmin binds the admin address, unless it is turned off.
func (d *Daemon) openAdmin() (err error) {
	if !d.config.Admin.Listen.IsValid() {
		return nil
	}
	d.admin, err = admin.Listen(admin.Options{
		Listen:  d.config.Admin.Listen,
		Token:   d.config.Admin.Token,
		Ready:   d.ready,
		Metrics: d.metrics(),
		Cluster: d.cluster,
		Backup:  d.backup,
		Log:     d.log,
	})
	return err
}

// runAdmin serves the admin address, if there is one, until ctx is done.
func (d *Daemon) runAdmin(ctx context.Context) error {
	if d.admin == nil {
		<-ctx.Done()
		return nil
	}
	return d.admin.Run(ctx)
}
