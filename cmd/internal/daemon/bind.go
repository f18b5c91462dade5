package daemon

import (
	"errors"

	"keeptrack/cmd/internal/config"
	"keeptrack/cmd/internal/listen"
	"keeptrack/store/safefile"
)

// binders bind what clients and other instances come to, if the config turns it on:
// one for each front end and each way to other instances.
var binders = [...]func(*Daemon) error{
	bindUDP,
	bindHTTP,
	bindGroup,
}

// whenLoaded has f called, by which a part is made, once the database is loaded.
func (d *Daemon) whenLoaded(f func() error) { d.loaded = append(d.loaded, f) }

// atEnd has f called when the daemon ends, to close sockets, also those that were never
// served.
func (d *Daemon) atEnd(f func() error) { d.ends = append(d.ends, f) }

// bind binds what the config names, or takes it over from what was passed. All of it
// is bound before anything is loaded: what comes meanwhile waits.
func (d *Daemon) bind() (err error) {
	d.binder = listen.NewBinder(d.opts.Passed)
	d.atEnd(d.binder.Close)
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	if d.account, err = d.findAccount(); err != nil {
		return err
	}
	if d.admin, err = d.binder.Streams("admin", []config.Endpoint{d.config.Admin.Listen}); err != nil {
		return err
	}
	for _, bind := range binders {
		if err := bind(d); err != nil {
			return err
		}
	}
	if err := d.binder.Unix(d.boundByRoot); err != nil {
		return err
	}
	if err := d.dropPrivileges(); err != nil {
		return err
	}
	if err := d.binder.Unix(func(string) bool { return true }); err != nil {
		return err
	}
	return d.binder.Rest()
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

// close closes what was bound.
func (d *Daemon) close() error {
	var errs []error
	for _, f := range d.ends {
		errs = append(errs, f())
	}
	return errors.Join(errs...)
}
