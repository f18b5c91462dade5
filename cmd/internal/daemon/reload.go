package daemon

import (
	"context"
	"os"
	"strings"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"
	"github.com/rs/zerolog"

	"keeptrack/cmd/internal/certificates"
	"keeptrack/cmd/internal/config"
)

// reloads read the config again whenever they are asked for.
type reloads struct {
	silent
	d *Daemon
}

// Run reloads until ctx is done.
func (r reloads) Run(ctx context.Context) error {
	d := r.d
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.opts.Reload:
			d.notify(sd.SdNotifyReloading, sd.SdNotifyMonotonicUsec())
			err := d.reload()
			if err != nil {
				d.log.Error().Err(err).Msg("reload refused: the running config stays in force")
			}
			d.lastReload.Store(&reloadResult{time.Now(), err})
			d.notify(sd.SdNotifyReady, d.status())
		}
	}
}

var (
	metricReloadSuccess = gauge("reload_success", "1 if the last reload was put in force, or there was none; 0 if it was refused.")
	metricReloadTime    = gauge("reload_timestamp_seconds", "Unix time of the last reload, put in force or refused; 0 if never.")
)

func (r reloads) collect(send sender) {
	last := r.d.lastReload.Load()
	if last == nil {
		last = &reloadResult{}
	}
	send(metricReloadSuccess, oneIf(last.err == nil))
	send(metricReloadTime, unixSeconds(last.at))
}

// reloadResult is how a reload ended.
type reloadResult struct {
	at  time.Time
	err error // why it was refused, or nil
}

// reload puts in force what can be changed in a running daemon: all of it or,
// when anything is wrong, nothing.
func (d *Daemon) reload() error {
	d.reloading.Lock()
	defer d.reloading.Unlock()
	began := time.Now()
	c, err := config.Reload(d.opts.ConfigPath, os.Environ())
	if err != nil {
		return err
	}
	if err := c.ReadSecrets(); err != nil {
		return err
	}
	list, err := ReadAccessList(&c.Access, d.nap)
	if err != nil {
		return err
	}
	// A changed livesync.key_file needs a restart, what is in the one that is
	// used does not.
	keys, err := ReadKeys(d.config.LiveSync.KeyFile)
	if err != nil {
		return err
	}
	certificate, err := d.readCertificate()
	if err != nil {
		return err
	}
	// From here on things change: nothing below can fail, and rekey changes nothing if it does.
	if err := d.rekey(keys); err != nil {
		return err
	}
	_, restart := config.Diff(d.config, c)
	if len(restart) > 0 {
		d.log.Warn().Str("keys", strings.Join(restart, ", ")).Msg("changed keys that need a restart")
	}
	d.access.set(c.Access, list)
	d.peers.set(c.Store)
	live := d.group.setKeys(keys)
	if certificate != nil {
		d.certificate.Set(certificate)
	}
	zerolog.SetGlobalLevel(c.Log.Level)
	d.log.Info().Str("log_level", c.Log.Level.String()).Stringer("access", c.Access.Mode).
		Int("listed", list.Len()).Int("livesync_keys", live).Bool("keep_peers", c.Store.KeepPeers).Dur("took_ms", time.Since(began)).Msg("config reloaded")
	return nil
}

// readCertificate reads the certificate that is served again, if it is in files. Changed
// keys that name them need a restart.
func (d *Daemon) readCertificate() (*certificates.Pair, error) {
	if d.certificate == nil {
		return nil, nil
	}
	return d.certificate.Read()
}

// reloadAccess reads the access list's file again and puts it in force; what is
// wrong with it keeps the old list in force. client is who asked for it.
func (d *Daemon) reloadAccess(client string) error {
	d.reloading.Lock()
	defer d.reloading.Unlock()
	began := time.Now()
	c := d.access.fileInForce()
	list, err := ReadAccessList(&c, d.nap)
	if err != nil {
		return err
	}
	d.access.set(c, list)
	audit(d.log).Str("client", client).Stringer("mode", c.Mode).Int("listed", list.Len()).
		Dur("took_ms", time.Since(began)).Msg("access list reloaded")
	return nil
}

// nap leaves the processors to announces while a list is read beside them. A
// daemon that is to stop does not wait for that.
func (d *Daemon) nap() {
	select {
	case <-d.ending:
	case <-time.After(time.Millisecond):
	}
}
