package config

import (
	"net/netip"
	"time"

	"keeptrack/tracker"
)

// Tracker is the table [tracker]. A TorrentTimeout of 0 keeps torrents for
// ever; a maximum of 0, other than MaxNumWant, is no limit. MaxMemory is in
// bytes, or AutoMemory.
type Tracker struct {
	AnnounceInterval      time.Duration
	IntervalJitter        time.Duration
	MinAnnounceInterval   time.Duration
	PeerTimeout           time.Duration
	TorrentTimeout        time.Duration
	MaxMemory             int64
	MaxTorrents           int
	MaxPeersPerAddress    int
	MaxTorrentsPerAddress int
	DefaultNumWant        int
	MaxNumWant            int
	AllowPrivateAddresses bool
	AllowNetworks         []netip.Prefix
	TopClients            bool
}

func (t *Tracker) keys() []key {
	return []key{
		declare("announce_interval", &t.AnnounceInterval, 30*time.Minute, duration(tracker.LeastInterval, tracker.LongestInterval),
			"How long a client is told to wait between announces. Whatever the\n"+
				"jitter, they are told 5m to 3h, or public lists refuse the tracker. Below\n"+
				"5m, which is for private trackers and LANs, they are told 1m at least."),
		declare("interval_jitter", &t.IntervalJitter, 3*time.Minute, duration(0, time.Hour),
			"Each reply's interval is drawn from announce_interval ± this."),
		declare("min_announce_interval", &t.MinAnnounceInterval, 15*time.Minute, duration(time.Second, tracker.LongestInterval),
			"How long a client must wait between announces at least."),
		declare("peer_timeout", &t.PeerTimeout, 45*time.Minute, duration(time.Second, day),
			"A peer that was not heard of for this long is forgotten."),
		declare("torrent_timeout", &t.TorrentTimeout, 30*day, zeroOr(duration(time.Second, 10*year)),
			"A torrent without peers is forgotten this long after its last announce;\n"+
				"\"0\" keeps torrents for ever."),
		declare("max_memory", &t.MaxMemory, AutoMemory, memoryBudget,
			"Memory for torrents and peers. auto is half of the host's memory or, if it is\n"+
				"less, of what the control group may use; \"0\" is no limit. When it is nearly\n"+
				"used up, the addresses that hold most make room for others; what does not\n"+
				"fit is answered and not kept. The process takes up to a third more."),
		declare("max_torrents", &t.MaxTorrents, 0, integer(0, 2_000_000_000),
			"So many torrents are kept. When there are nearly as many, the addresses that\n"+
				"hold most make room for others, as with max_memory. 0 is no limit."),
		declare("max_peers_per_address", &t.MaxPeersPerAddress, 1000, integer(0, 65_535),
			"Of the clients behind one IPv4 address, or one IPv6 /64, so many are kept in\n"+
				"one torrent. Further ones are answered and not kept; 0 is no limit."),
		declare("max_torrents_per_address", &t.MaxTorrentsPerAddress, 250_000, integer(0, 2_000_000_000),
			"So many times in a peer_timeout may the clients behind one address, or /64,\n"+
				"join a torrent. Further ones are answered and not kept; 0 is no limit. The\n"+
				"same number of torrents may they be the first to complete in a\n"+
				"torrent_timeout; further completions are not counted."),
		declare("default_numwant", &t.DefaultNumWant, 50, integer(0, tracker.MaxPeers),
			"How many peers a client gets that does not say how many it wants.\n"+
				"A leecher that wants 0 counts as one of them."),
		declare("max_numwant", &t.MaxNumWant, tracker.MaxPeers, integer(1, tracker.MaxPeers),
			"How many peers a client gets at most."),
		declare("allow_private_addresses", &t.AllowPrivateAddresses, false, boolean,
			"Accept and hand out private, loopback and documentation addresses, and those\n"+
				"of a carrier's NAT (100.64.0.0/10) and of Yggdrasil (200::/7). Otherwise a\n"+
				"client on such an address is answered but not stored."),
		declare("allow_networks", &t.AllowNetworks, nil, listOf(peerNetwork),
			"Networks (CIDR) to accept and hand out besides public addresses: some of the\n"+
				"private ones, or others. Multicast, broadcast, unspecified and IPv6 link-local\n"+
				"addresses are never stored, whatever is listed."),
		declare("top_clients", &t.TopClients, true, boolean,
			"Sample which networks and client programs send most requests, for\n"+
				"\"keeptrack top\". It costs less than a hundredth of the time for a request."),
	}
}
