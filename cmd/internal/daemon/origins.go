package daemon

import (
	"errors"
	"time"

	"keeptrack/livesync"
	"keeptrack/livesync/exact"
	"keeptrack/livesync/transport"
	"keeptrack/store"
	"keeptrack/tracker"
	"keeptrack/tracker/override"
)

// startNode makes the node of live sync with what the database has of the group: the
// tracker takes in the parts of downloaded counts, the node the origins that counted them.
func (d *Daemon) startNode(o livesync.Options, t transport.Transport) (*livesync.Node, error) {
	kept, err := d.store.Origins()
	if err != nil {
		return nil, err
	}
	if err := d.loadParts(); err != nil {
		return nil, err
	}
	o.Origins = exact.State{Present: kept.Present, Ended: kept.Ended, Folded: kept.Folded, Alone: kept.Alone}
	for _, k := range kept.Known {
		o.Origins.Known = append(o.Origins.Known, exact.KnownSeen{Origin: k.Origin, At: k.At})
	}
	o.TotalsAreFloors = kept.Floors
	var node *livesync.Node
	o.Keep = func(s exact.State) {
		floors := kept.Floors
		if node != nil {
			floors = node.TotalsAreFloors()
		}
		if err := d.store.SaveOrigins(toKeep(s, floors)); err != nil {
			d.log.Error().Err(err).Msg("the new origin of completed downloads cannot be written: " +
				"after a crash, the other instances wait for it")
		}
	}
	node, err = livesync.New(o, t, d.tracker)
	return node, err
}

// loadParts has the tracker take in the parts that the database has.
func (d *Daemon) loadParts() error {
	parts := make([]tracker.TorrentPart, 0, loadTogether)
	load := func() {
		d.tracker.LoadParts(parts)
		parts = parts[:0]
	}
	err := d.store.LoadParts(func(p tracker.TorrentPart) {
		if parts = append(parts, p); len(parts) == loadTogether {
			load()
		}
	})
	load()
	return err
}

// originsOf returns what is to be kept of a node's origins.
func originsOf(n *livesync.Node) *store.Origins {
	kept := toKeep(n.Origins(), n.TotalsAreFloors())
	return &kept
}

// toKeep makes of the state of a group's counting what the database keeps: when members
// were heard to the hour, so that an idle instance need not write it all the time.
func toKeep(s exact.State, floors bool) store.Origins {
	kept := store.Origins{Present: s.Present, Ended: s.Ended, Folded: s.Folded, Alone: s.Alone, Floors: floors}
	for _, k := range s.Known {
		kept.Known = append(kept.Known, store.KnownOrigin{Origin: k.Origin, At: k.At.Truncate(time.Hour)})
	}
	return kept
}

// Errors of removing a member of the group.
var (
	errAlone    = errors.New("live sync is off")
	errNoMember = errors.New("no member of the group has this label or origin")
	errTwo      = errors.New("several members have this label: give the origin of the one that is gone")
)

func (p syncPart) gone(member string) error {
	var gone []tracker.Origin
	for _, m := range p.Cluster().Counting.Members {
		if m.Origin.String() == member || m.Label != (override.Label{}) && m.Label.String() == member {
			gone = append(gone, m.Origin)
		}
	}
	switch {
	case len(gone) > 1:
		return errTwo
	case len(gone) == 0 || !p.Gone(gone[0]):
		return errNoMember
	}
	return nil
}

var (
	metricUnlike        = gauge("livesync_unlike_seconds", "Longest time that the counts here have differed from those of another instance; 0 while they agree.")
	metricMembers       = gauge("livesync_members", "Other instances of the group that count in parts.")
	metricMemberAway    = gauge("livesync_member_away_seconds", "Time since any instance heard the member that has been silent longest; 0 while all are heard here.")
	metricParts         = gauge("livesync_parts", "Parts of downloaded counts whose origins are not folded.")
	metricPartsBehind   = gauge("livesync_parts_behind", "Packets with parts of other instances that are missing here.")
	metricOriginsEnded  = gauge("livesync_origins_ended", "Origins that have ended and are not folded.")
	metricOriginsFolded = gauge("livesync_origins_folded", "Origins that are folded.")
	metricRepairs       = gauge("livesync_repairs", "Origins whose parts are being repaired.")
)

func collectCounting(c *livesync.Counting, send sender) {
	var unlike, away time.Duration
	behind := uint64(0)
	for i := range c.Members {
		m := &c.Members[i]
		behind += m.Missing
		if !m.Here {
			away = max(away, time.Since(m.Heard))
		} else if !m.Unlike.IsZero() {
			unlike = max(unlike, time.Since(m.Unlike))
		}
	}
	send(metricUnlike, unlike.Seconds())
	send(metricMembers, float64(len(c.Members)))
	send(metricMemberAway, away.Seconds())
	send(metricParts, float64(c.Parts))
	send(metricPartsBehind, float64(behind))
	send(metricOriginsEnded, float64(c.Ended))
	send(metricOriginsFolded, float64(c.Folded))
	send(metricRepairs, float64(c.Searches))
}
