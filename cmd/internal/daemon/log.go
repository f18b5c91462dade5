package daemon

import (
	"time"

	"github.com/rs/zerolog"
)

// logServing writes the one line of a start.
func (d *Daemon) logServing() {
	line := d.log.Info().
		Str("version", d.opts.Version).
		Str("config", d.opts.ConfigPath).
		Str("database", d.database)
	for _, p := range d.parts() {
		p.describe(line)
	}
	line.Int("torrents", d.tracker.Torrents()).Dur("took_ms", time.Since(d.started)).Msg("serving")
}

// audit begins a line of level info that is written at every log.level: what was
// changed and by whom does not depend on it.
func audit(log zerolog.Logger) *zerolog.Event {
	return log.Log().Str(zerolog.LevelFieldName, zerolog.LevelInfoValue)
}
