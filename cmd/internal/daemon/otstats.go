package daemon

import (
	"encoding/binary"
	"iter"
	"time"

	"keeptrack/cmd/internal/admin/otstats"
	"keeptrack/livesync"
	"keeptrack/livesync/wire"
	"keeptrack/tracker"
	"keeptrack/tracker/http"
	"keeptrack/tracker/udp"
)

// otSource is where /stats takes its numbers from.
type otSource struct{ d *Daemon }

func (o otSource) ScrapeAll() iter.Seq[tracker.Scraped] { return o.d.tracker.ScrapeAll() }

func (o otSource) Records(from tracker.InfoHash) iter.Seq[tracker.Record] {
	return o.d.tracker.Records(from)
}

// Numbers returns the counters once the database is loaded.
func (o otSource) Numbers() (otstats.Numbers, error) {
	d := o.d
	if d.state.Load() == loading {
		return otstats.Numbers{}, errLoading
	}
	s := d.tracker.Stats()
	n := otstats.Numbers{
		Version:   d.opts.Version,
		Uptime:    int64(time.Since(d.started) / time.Second),
		Torrents:  uint64(s.Torrents),
		Peers:     s.Peers[tracker.IPv4] + s.Peers[tracker.IPv6],
		Seeds:     s.Seeders[tracker.IPv4] + s.Seeders[tracker.IPv6],
		Completed: s.Completed,
		Renewed:   d.tracker.Renewals(),
	}
	if d.udp != nil {
		stats := d.udp.Stats()
		addUDPNumbers(&n, &stats.IPv4)
		addUDPNumbers(&n, &stats.IPv6)
	}
	if d.http != nil {
		addHTTPNumbers(&n, d.http.Stats())
	}
	if d.admin != nil {
		n.Errors[otstats.ErrorDenied] = d.admin.Unauthorized()
	}
	if d.node != nil {
		addSyncNumbers(&n, d.node)
	}
	return n, nil
}

// addUDPNumbers counts an announce that the access list refuses as answered,
// as opentracker does.
func addUDPNumbers(n *otstats.Numbers, u *udp.FamilyStats) {
	n.UDPPackets += u.Packets
	n.UDPConnects += u.Connects
	n.UDPAnnounces += u.Announces + u.Refused
	n.UDPScrapes += u.Scrapes
	n.UDPMismatches += u.StaleAnnounces + u.StaleScrapes + u.Dropped[udp.DropConnectionID]
}

func addHTTPNumbers(n *otstats.Numbers, s http.Stats) {
	n.TCPAccepts = s.Accepted
	n.TCPAnnounces = s.Failures[http.FailureRefused]
	for f := range families {
		n.TCPAnnounces += s.Requests[http.ActionAnnounce][f].OK
		n.TCPScrapes += s.Requests[http.ActionScrape][f].OK
		n.Errors[otstats.ErrorRedirect] += s.Requests[http.ActionOther][f].OK
	}
	n.Errors[otstats.ErrorParse] = s.Malformed
	for f, count := range s.Failures {
		switch http.Failure(f) {
		case http.FailureRefused: // answered
		case http.FailureMethod:
			n.Errors[otstats.ErrorParse] += count
		case http.FailureFullScrapeBusy:
			n.Errors[otstats.ErrorNotModest] += count
		case http.FailureNotFound:
			n.Errors[otstats.ErrorNotFound] += count
		default:
			n.Errors[otstats.ErrorParameter] += count
		}
	}
}

// addSyncNumbers takes the id in the byte order in which opentracker, on the
// machines that are about, sends the number that it shows.
func addSyncNumbers(n *otstats.Numbers, node *livesync.Node) {
	s, id := node.Stats(), node.ID()
	n.TrackerID = binary.LittleEndian.Uint32(id[:])
	n.Synced = s.In[wire.KindLive].Records + s.In[wire.KindLive6].Records
}
