package daemon

import (
	"context"

	"keeptrack/cmd/internal/admin"
	"keeptrack/cmd/internal/admin/otstats"
	"keeptrack/livesync"
	"keeptrack/store"
	"keeptrack/tracker/http"
	"keeptrack/tracker/udp"
)

// makeFront makes the front ends and live sync.
func (d *Daemon) makeFront() error {
	if err := d.makeUDP(); err != nil {
		return err
	}
	if err := d.makeHTTP(); err != nil {
		return err
	}
	return d.joinGroup()
}

func (d *Daemon) makeUDP() (err error) {
	if len(d.config.UDP.Listen) == 0 {
		return nil
	}
	o := d.udpOptions()
	if o.Secret == nil {
		o.Secret = d.store.Secret()
	}
	d.udp, err = udp.New(o, &d.sockets.udp, d.tracker)
	return err
}

func (d *Daemon) udpOptions() udp.Options {
	c := &d.config.UDP
	return udp.Options{
		Workers:              c.Workers,
		ReceiveBuffer:        c.ReceiveBuffer,
		BatchDelay:           c.BatchDelay,
		ConnectionIDLifetime: c.ConnectionIDLifetime,
		Secret:               c.ConnectionSecret,
		Log:                  d.log,
	}
}

func (d *Daemon) makeHTTP() (err error) {
	c := &d.config.HTTP
	if len(c.Listen) == 0 {
		return nil
	}
	d.http, err = http.New(http.Options{
		TrustedProxies:           c.TrustedProxies,
		ClientAddressHeader:      c.ClientAddressHeader,
		RedirectURL:              c.RedirectURL,
		FullScrape:               c.FullScrape,
		MaxConnections:           c.MaxConnections,
		MaxConnectionsPerAddress: c.MaxConnectionsPerAddress,
		Log:                      d.log,
	}, d.sockets.http.All(), d.tracker)
	return err
}

// joinGroup makes the live sync node, if it is turned on.
func (d *Daemon) joinGroup() (err error) {
	c := &d.config.LiveSync
	if !c.Enabled {
		return nil
	}
	o := livesync.Options{
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
	if o.ReplayFloors, err = d.store.Marks(); err != nil {
		return err
	}
	if d.node, err = livesync.New(o, d.sockets.group, d.tracker); err != nil {
		return err
	}
	d.store.KeepMarks(func() store.Marks { return d.node.ReplayFloors() })
	return nil
}

// makeAdmin makes the admin server, unless it is turned off.
func (d *Daemon) makeAdmin() {
	if len(d.sockets.admin.All()) == 0 {
		return
	}
	d.admin = admin.New(admin.Options{
		Listener: d.sockets.admin.All()[0],
		Token:    d.config.Admin.Token,
		Ready:    d.ready,
		Impaired: d.impaired,
		Metrics:  d.metrics(),
		Stats:    otstats.Handler(otSource{d}),
		API:      d.api,
		Backup:   d.backup,
		Log:      d.log,
	})
}

// runAdmin serves the admin address, if there is one, until ctx is done.
func (d *Daemon) runAdmin(ctx context.Context) error {
	if d.admin == nil {
		<-ctx.Done()
		return nil
	}
	return d.admin.Run(ctx)
}
