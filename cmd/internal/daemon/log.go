package daemon

import (
	"net/netip"
	"time"

	"github.com/rs/zerolog"
)

// logServing writes the one line of a start.
func (d *Daemon) logServing() {
	var udpAddrs []netip.AddrPort
	if d.udp != nil {
		udpAddrs = d.udp.Addrs()
	}
	line := d.log.Info().
		Str("version", d.opts.Version).
		Str("config", d.opts.ConfigPath).
		Str("database", d.database).
		Strs("udp", texts(udpAddrs)).
		Strs("http", d.sockets.http.Names())
	for _, name := range d.sockets.admin.Names() {
		line = line.Str("admin", name)
	}
	if d.node != nil {
		line = line.Stringer("livesync_id", d.node.ID())
	}
	line.Int("torrents", d.tracker.Torrents()).Dur("took_ms", time.Since(d.started)).Msg("serving")
}

// audit begins a line of level info that is written at every log.level: what was
// changed and by whom does not depend on it.
func audit(log zerolog.Logger) *zerolog.Event {
	return log.Log().Str(zerolog.LevelFieldName, zerolog.LevelInfoValue)
}

func texts(addrs []netip.AddrPort) []string {
	out := make([]string, len(addrs))
	for i, a := range addrs {
		out[i] = a.String()
	}
	return out
}
