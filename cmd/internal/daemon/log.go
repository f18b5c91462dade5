package daemon

import (
	"net/netip"
	"time"

	"github.com/rs/zerolog"
)

// logServing writes the one line of a start.
func (d *Daemon) logServing() {
	var udpAddrs, httpAddrs []netip.AddrPort
	if d.udp != nil {
		udpAddrs = d.udp.Addrs()
	}
	if d.http != nil {
		httpAddrs = d.http.Addrs()
	}
	httpNames := texts(httpAddrs)
	for _, e := range d.config.HTTP.Listen {
		if e.Unix != "" {
			httpNames = append(httpNames, e.String())
		}
	}
	line := d.log.Info().
		Str("version", d.opts.Version).
		Str("config", d.opts.ConfigPath).
		Str("database", d.database).
		Strs("udp", texts(udpAddrs)).
		Strs("http", httpNames)
	if d.config.Admin.Listen.Unix != "" {
		line = line.Stringer("admin", d.config.Admin.Listen)
	} else if d.admin != nil {
		line = line.Stringer("admin", d.sockets.admin.Addr())
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
