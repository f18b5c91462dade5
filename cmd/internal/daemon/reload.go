package daemon

import (
	"context"
	"fmt"
	"os"
	"strings"

	sd "github.com/coreos/go-systemd/v22/daemon"
	"github.com/rs/zerolog"

	"keeptrack/cmd/internal/config"
	"keeptrack/tracker"
)

// reloads reads the config again whenever it is asked to, until ctx is done.
func (d *Daemon) reloads(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.opts.Reload:
			d.notify(sd.SdNotifyReloading, sd.SdNotifyMonotonicUsec())
			if err := d.reload(); err != nil {
				d.log.Error().Err(err).Msg("reload refused, the running config stays in force")
			}
			d.notify(sd.SdNotifyReady)
		}
	}
}

// reload puts in force what can be changed in a running daemon: all of it or,
// when anything is wrong, nothing.
func (d *Daemon) reload() error {
	c := config.Default()
	if d.opts.ConfigPath != "" {
		var err error
		if c, err = config.Load(d.opts.ConfigPath); err != nil {
			return err
		}
	}
	access, err := ReadAccess(&c.Access)
	if err != nil {
		return err
	}
	// A changed livesync.key_file needs a restart, what is in the one that is
	// used does not.
	keys, err := ReadKeys(d.config.LiveSync.KeyFile)
	if err != nil {
		return err
	}
	_, restart := config.Diff(d.config, c)
	if len(restart) > 0 {
		d.log.Warn().Str("keys", strings.Join(restart, ", ")).Msg("changed keys that need a restart")
	}
	d.tracker.SetAccess(access)
	if d.node != nil && keys != nil {
		d.node.SetKeys(keys)
	}
	zerolog.SetGlobalLevel(c.Log.Level)
	d.log.Info().Str("level", c.Log.Level.String()).Str("access", string(c.Access.Mode)).
		Int("listed", len(access.Hashes)).Msg("config reloaded")
	return nil
}

var accessModes = map[config.AccessMode]tracker.AccessMode{
	config.AccessOpen:  tracker.AccessOpen,
	config.AccessAllow: tracker.AccessAllow,
	config.AccessDeny:  tracker.AccessDeny,
}

// ReadAccess reads the access list that the config asks for. The error names
// the key, and the file with the line.
func ReadAccess(c *config.Access) (*tracker.Access, error) {
	access := &tracker.Access{Mode: accessModes[c.Mode]}
	if access.Mode == tracker.AccessOpen {
		return access, nil
	}
	f, err := os.Open(c.File)
	if err != nil {
		return nil, fmt.Errorf("access.file: %w", err)
	}
	defer f.Close()
	if access.Hashes, err = tracker.ReadAccessList(f); err != nil {
		return nil, fmt.Errorf("access.file: %s: %w", c.File, err)
	}
	return access, nil
}
