package config

import (
	"fmt"
	"slices"
	"time"

	"keeptrack/livesync"
	"keeptrack/livesync/transport/multicast"
	"keeptrack/livesync/transport/unicast"
	"keeptrack/livesync/wire"
)

// LiveSync is the table [livesync]. ID has 4 bytes, or is nil when one is to be
// drawn; MaxPayload is in bytes of a packet, with 0 for what suits the transport;
// TellRate is in packets and PeerRate in bytes a second; an empty KeyFile stands for
// packets that are not sealed. Of the transports' keys, those of Transport hold.
type LiveSync struct {
	Enabled   bool
	Transport TransportName
	Multicast
	Unicast
	NATS
	ID               []byte
	MaxPayload       int
	MaxDelay         time.Duration
	RenewAfter       time.Duration
	FirstBeaconDelay time.Duration
	BeaconInterval   time.Duration
	InquireThreshold float64
	TellRate         int
	PeerRate         int
	KeyFile          string
	AcceptPlain      bool
}

func (l *LiveSync) keys() []key {
	return slices.Concat(l.groupKeys(), l.carrierKeys(), l.timingKeys(), l.sealingKeys())
}

func (l *LiveSync) groupKeys() []key {
	return []key{
		declare("enabled", &l.Enabled, false, boolean,
			"Share peers and counts with the other instances of a group."),
		declare("id", &l.ID, nil, nonZero(hexBytes(len(wire.ID{}), len(wire.ID{}))),
			"This instance's id: 8 hexadecimal digits, not all 0, different from those of\n"+
				"the other instances. Empty: drawn at each start."),
		declare("transport", &l.Transport, carriers[0].name, oneOf(carrierNames()...),
			"What carries the packets: multicast, within one network; unicast, between\n"+
				"clouds and sites; or nats, through NATS servers. It is the same on all\n"+
				"instances. Each transport has keys of its own below."),
		declare("max_payload", &l.MaxPayload, 0, orZero(integer(wire.SmallestPacket, multicast.MaxPacket)),
			fmt.Sprintf("The largest packet in bytes, %d to %d: the network's MTU less 28, over IPv6\n"+
				"less 48. 0: %d over multicast and nats, and %d over unicast, which passes\n"+
				"everywhere.",
				wire.SmallestPacket, multicast.MaxPacket, multicast.MaxPacket, unicast.SafePacket)),
	}
}

func (l *LiveSync) timingKeys() []key {
	return []key{
		declare("max_delay", &l.MaxDelay, time.Second, duration(10*time.Millisecond, time.Hour),
			"The longest time that a peer waits for its packet to fill."),
		declare("renew_after", &l.RenewAfter, 10*time.Minute, duration(shortestSync, day),
			"A peer that keeps announcing is published again after this."),
		declare("first_beacon_delay", &l.FirstBeaconDelay, 30*time.Minute, duration(shortestSync, day),
			"How long after its start an instance first sends a beacon, which says how\n"+
				"many torrents it has."),
		declare("beacon_interval", &l.BeaconInterval, time.Minute, duration(shortestSync, day),
			"How often it sends a beacon after that."),
		declare("inquire_threshold", &l.InquireThreshold, 0.75, ratio,
			"Ask another instance for its torrents if the number of torrents here is less\n"+
				"than this share of its number; above 0 and at most 1."),
		declare("tell_rate", &l.TellRate, 1000, integer(1, livesync.MaxTellRate),
			"How many packets a second an instance sends when it tells its torrents to\n"+
				"another one."),
		declare("peer_rate", &l.PeerRate, 4_000_000, integer(livesync.MinPeerRate, livesync.MaxPeerRate),
			"How many bytes a second an instance sends when it tells its peers to one that\n"+
				"has just started."),
	}
}

func (l *LiveSync) sealingKeys() []key {
	return []key{
		declare("key_file", &l.KeyFile, "", text,
			"File with the key that seals packets, the same on all instances: 64\n"+
				"hexadecimal digits. A second line with another key serves to change it. Other\n"+
				"users of the host must not be able to read the file. Its contents are reloaded\n"+
				"on SIGHUP; another path needs a restart. Empty: packets are not sealed. UDP\n"+
				"connection ids are made from the key too, unless udp.connection_secret is set."),
		declare("accept_plain", &l.AcceptPlain, false, boolean,
			"With a key: also accept packets that are not sealed."),
	}
}

// smallestSealed is the least max_payload with a key.
const smallestSealed = wire.SmallestPacket + wire.SealOverhead

// shortestSync is the least of the intervals; it serves tests and trials.
const shortestSync = 100 * time.Millisecond
