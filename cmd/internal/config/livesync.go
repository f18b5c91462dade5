package config

import (
	"net/netip"
	"slices"
	"time"
)

// LiveSync is the table [livesync]. Interface and Nodes are set when Enabled
// is; ID has 4 bytes, or is nil when one is to be drawn; MaxPayload is in bytes
// of UDP payload; TellRate is in packets a second; an empty KeyFile stands for
// packets that are not sealed.
type LiveSync struct {
	Enabled          bool
	Interface        string
	Group            netip.Addr
	Port             uint16
	Nodes            []netip.Prefix
	Loopback         bool
	ID               []byte
	MaxPayload       int
	MaxDelay         time.Duration
	RenewAfter       time.Duration
	FirstBeaconDelay time.Duration
	BeaconInterval   time.Duration
	InquireThreshold float64
	TellRate         int
	KeyFile          string
	AcceptPlain      bool
}

// The smallest payload holds one record of the longest kind, an IPv6 peer, and
// with a key the 44 bytes that sealing adds; the largest fits an Ethernet frame.
const (
	smallestPayload = 8 + 40
	smallestSealed  = smallestPayload + 44
	largestPayload  = 1500 - 28
)

func (l *LiveSync) keys() []key {
	return slices.Concat(l.transportKeys(), l.timingKeys(), l.sealingKeys())
}

func (l *LiveSync) transportKeys() []key {
	return []key{
		declare("enabled", &l.Enabled, false, boolean,
			"Take part in the group."),
		declare("interface", &l.Interface, "", text,
			"The network interface to the other instances, by name or address. Required\n"+
				"when enabled."),
		declare("group", &l.Group, netip.AddrFrom4([4]byte{224, 0, 42, 5}), multicast4,
			"The multicast group, IPv4."),
		declare("port", &l.Port, 9696, integer[uint16](1, 65535),
			"The group's UDP port."),
		declare("nodes", &l.Nodes, nil, listOf(prefix),
			"Networks (CIDR) of the other instances; packets from elsewhere are dropped.\n"+
				"Required when enabled."),
		declare("loopback", &l.Loopback, false, boolean,
			"Hear instances on this host."),
		declare("id", &l.ID, nil, nonZero(hexBytes(4, 4)),
			"This instance's id: 8 hexadecimal digits, not all 0, that no other one has.\n"+
				"Empty: drawn at each start."),
		declare("max_payload", &l.MaxPayload, largestPayload, integer(smallestPayload, largestPayload),
			"Bytes in a packet at most, 48 to 1472: the network's MTU less 28."),
	}
}

func (l *LiveSync) timingKeys() []key {
	return []key{
		declare("max_delay", &l.MaxDelay, time.Second, duration(10*time.Millisecond, time.Hour),
			"How long a peer waits for others to share its packet."),
		declare("renew_after", &l.RenewAfter, 10*time.Minute, duration(shortestSync, day),
			"A peer that keeps announcing is published again after this."),
		declare("first_beacon_delay", &l.FirstBeaconDelay, 30*time.Minute, duration(shortestSync, day),
			"How long after its start an instance first says how many torrents it has."),
		declare("beacon_interval", &l.BeaconInterval, time.Minute, duration(shortestSync, day),
			"How often it says so from then on."),
		declare("inquire_threshold", &l.InquireThreshold, 0.75, ratio,
			"Ask another instance for its torrents when having less than this share of its\n"+
				"number; above 0 and at most 1."),
		declare("tell_rate", &l.TellRate, 1000, integer(1, 1_000_000),
			"Packets a second with which torrents are told to one that asks."),
	}
}

func (l *LiveSync) sealingKeys() []key {
	return []key{
		declare("key_file", &l.KeyFile, "", text,
			"File with the key that packets are sealed with, the same on all instances: 64\n"+
				"hexadecimal digits; a second line with another key is for changing it. Others\n"+
				"must not be able to read it. What it holds is reloaded on SIGHUP. Empty:\n"+
				"packets are not sealed."),
		declare("accept_plain", &l.AcceptPlain, false, boolean,
			"With a key: take packets that are not sealed as well."),
	}
}

// shortestSync is the least of the intervals; it serves tests and trials.
const shortestSync = 100 * time.Millisecond
