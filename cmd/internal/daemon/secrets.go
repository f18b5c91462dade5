package daemon

import (
	"time"

	"keeptrack/cmd/internal/config"
	"keeptrack/livesync/wire"
	"keeptrack/tracker/udp"
)

// secretPurpose is what connection secrets are derived from keys for. All instances
// of a group have to have the same.
const secretPurpose = "keeptrack udp connection secret"

// SecretRemark says where a config without a connection secret has it from, or nothing of
// one that has it.
func SecretRemark(c *config.Config) string {
	switch {
	case c.UDP.ConnectionSecret != nil:
		return ""
	case c.LiveSync.KeyFile != "":
		return "made from livesync.key_file"
	default:
		return "kept in the database"
	}
}

// keySecrets has a UDP server with the config's secret, or else the database's, make
// connection ids from the live sync keys, if there are any and the config has no secret:
// now, and from others whenever those are reloaded. Ids that were made from the database's
// secret before last on.
func (d *Daemon) keySecrets(s *udp.Server) error {
	if d.config.UDP.ConnectionSecret != nil {
		return nil
	}
	if d.opts.Keys == nil {
		if err := d.store.UseSecret(); err != nil {
			d.log.Error().Err(err).Msg("cannot store that connection ids are made from the database's secret: " +
				"if a live sync key is set later, they end at once")
		}
		return nil
	}
	since, err := d.store.RetireSecret(d.started)
	if err != nil {
		d.log.Error().Err(err).Msg("cannot store that connection ids are no longer made from the database's secret: " +
			"after the next start, some ids made from it are accepted again")
	}
	derive := func(k *wire.Keys, at time.Time) error {
		secrets, err := k.Derive(secretPurpose)
		if err != nil {
			return err
		}
		return s.SetSecrets(secrets, at)
	}
	d.rekey = func(k *wire.Keys) error { return derive(k, time.Now()) }
	return derive(d.opts.Keys, since)
}
