package daemon

import (
	"keeptrack/cmd/internal/admin/otstats"
	"keeptrack/store"
	"keeptrack/tracker"
)

// trackerPart is the tracker with its file.
type trackerPart struct {
	silent
	*tracker.Tracker
	store *store.Store
}

func (p trackerPart) count(n *otstats.Numbers) {
	s := p.Stats()
	n.Torrents = uint64(s.Torrents)
	n.Peers = s.Peers[tracker.IPv4] + s.Peers[tracker.IPv6]
	n.Seeds = s.Seeders[tracker.IPv4] + s.Seeders[tracker.IPv6]
	n.Completed = s.Completed
	n.Renewed = p.Renewals()
}

var (
	metricTorrents         = gauge("torrents", "Torrents in memory, including those without peers.")
	metricPeers            = gauge("peers", "Peers stored, including seeders.", "family")
	metricSeeders          = gauge("seeders", "Seeders stored.", "family")
	metricCompleted        = counter("completed_total", "Completed downloads counted since the start.")
	metricMemory           = gauge("memory_bytes", "Memory that torrents and peers take up.")
	metricMemoryLimit      = gauge("memory_limit_bytes", "Memory that torrents and peers may take up: max_memory. 0 if there is no limit.")
	metricTorrentsRejected = counter("torrents_turned_away_total", "Announces of new torrents that were not stored, because of max_torrents.")
	metricPeersRejected    = counter("peers_turned_away_total", "Announces of peers not stored, or completions not counted, because of a limit.", "reason")
	metricEvicted          = counter("evicted_total", "Evicted to make room for others, by kind: torrents never completed, peers, and records, which stay in the database.", "kind")
	metricPeersUnreachable = counter("peers_unreachable_total", "Announces of peers not stored, because others could not reach them.", "reason")

	metricDatabaseBytes = gauge("database_bytes", "Size of the database file.")
	metricInFileAlone   = gauge("database_records_alone", "Torrents in the database file but not in memory, because max_memory has no room for them or they were evicted.")
)

func (p trackerPart) collect(send sender) {
	s := p.Stats()
	send(metricTorrents, float64(s.Torrents))
	for _, f := range families {
		send(metricPeers, float64(s.Peers[f]), f.String())
		send(metricSeeders, float64(s.Seeders[f]), f.String())
	}
	send(metricCompleted, float64(s.Completed))
	send(metricMemory, float64(s.Memory))
	send(metricMemoryLimit, float64(s.MaxMemory))
	for kind, n := range s.Evicted {
		send(metricEvicted, float64(n), tracker.Evicted(kind).String())
	}
	send(metricTorrentsRejected, float64(s.TorrentsRejected))
	for reason, n := range s.PeersRejected {
		switch reason := tracker.Rejection(reason); {
		case reason == tracker.NotRejected:
		case reason.Unreachable():
			send(metricPeersUnreachable, float64(n), reason.String())
		default:
			send(metricPeersRejected, float64(n), reason.String())
		}
	}
	if size, err := p.store.Size(); err == nil {
		send(metricDatabaseBytes, float64(size))
	}
	send(metricInFileAlone, float64(p.InFileAlone()))
}
