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
			"The interval that clients are told to wait between announces. Whatever the\n"+
				"jitter, it is within 5m to 3h, because public lists refuse trackers outside of\n"+
				"that. Set below 5m, for private trackers and LANs, it is at least 1m."),
		declare("interval_jitter", &t.IntervalJitter, 3*time.Minute, duration(0, time.Hour),
			"Each reply's interval is drawn from announce_interval ± this."),
		declare("min_announce_interval", &t.MinAnnounceInterval, 15*time.Minute, duration(time.Second, tracker.LongestInterval),
			"The shortest interval that clients are told to keep between announces."),
		declare("peer_timeout", &t.PeerTimeout, 45*time.Minute, duration(time.Second, day),
			"A peer that has not announced for this long is forgotten."),
		declare("torrent_timeout", &t.TorrentTimeout, 30*day, zeroOr(duration(time.Second, 10*year)),
			"A torrent without peers is forgotten this long after its last announce;\n"+
				"\"0\" keeps torrents for ever."),
		declare("max_memory", &t.MaxMemory, AutoMemory, memoryBudget,
			"Memory for torrents and peers. auto is half of the host's memory or of the\n"+
				"control group's limit, whichever is less; \"0\" is no limit. When it is nearly\n"+
				"used up, the addresses that hold most make room for others; what does not fit\n"+
				"is answered but not stored. The process takes up to a third more."),
		declare("max_torrents", &t.MaxTorrents, 0, integer(0, 2_000_000_000),
			"How many torrents to store. Near the limit, the addresses that hold most make\n"+
				"room for others, as with max_memory. 0 is no limit."),
		declare("max_peers_per_address", &t.MaxPeersPerAddress, 1000, integer(0, 65_535),
			"How many peers of one IPv4 address, or one IPv6 /64, to store in one torrent.\n"+
				"Further peers are answered but not stored. 0 is no limit."),
		declare("max_torrents_per_address", &t.MaxTorrentsPerAddress, 250_000, integer(0, 2_000_000_000),
			"How many torrents the clients of one address, or /64, may join in a\n"+
				"peer_timeout, and how many they may be the first to complete in a\n"+
				"torrent_timeout. Further peers are answered but not stored, further\n"+
				"completions not counted. 0 is no limit."),
		declare("default_numwant", &t.DefaultNumWant, 50, integer(0, tracker.MaxPeers),
			"How many peers a client gets that does not say how many it wants, or a leecher\n"+
				"that says 0."),
		declare("max_numwant", &t.MaxNumWant, tracker.MaxPeers, integer(1, tracker.MaxPeers),
			"How many peers a reply has at most."),
		declare("allow_private_addresses", &t.AllowPrivateAddresses, false, boolean,
			"Accept and hand out private, loopback and documentation addresses, and those\n"+
				"of a carrier's NAT (100.64.0.0/10) and of Yggdrasil (200::/7). Otherwise a\n"+
				"client on such an address is answered but not stored."),
		declare("allow_networks", &t.AllowNetworks, nil, listOf(peerNetwork),
			"Networks (CIDR) to accept and hand out besides public addresses, such as some\n"+
				"of the private ones. Multicast, broadcast, unspecified and IPv6 link-local\n"+
				"addresses are never stored."),
		declare("top_clients", &t.TopClients, true, boolean,
			"Sample which networks and client programs send most requests, for \"keeptrack\n"+
				"top\". It takes less than a hundredth of a request's time."),
	}
}
