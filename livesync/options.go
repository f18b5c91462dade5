package livesync

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/livesync/wire"
)

// MaxPayload is the largest packet that fits an Ethernet frame whole, in bytes
// after the IPv4 and UDP headers.
const MaxPayload = 1500 - 20 - 8

// maxTellRate is more packets a second than anybody can send.
const maxTellRate = 1_000_000

// Options say how an instance takes part.
type Options struct {
	// ID names this instance; the zero ID has one drawn.
	ID wire.ID
	// Nodes are the addresses that packets are accepted from.
	Nodes []netip.Prefix
	// MaxPayload is the largest packet to send, in bytes, at most MaxPayload
	// and at least HeaderSize+Live6Size; with Keys SealOverhead more.
	MaxPayload int
	// MaxDelay is the longest that a record waits for its packet to fill.
	MaxDelay time.Duration
	// FirstBeaconDelay is the time from the start to the first beacon.
	FirstBeaconDelay time.Duration
	// BeaconInterval is the time between beacons, and the measure of every
	// other wait of scrape sync.
	BeaconInterval time.Duration
	// InquireThreshold makes an instance inquire when it has fewer torrents
	// than this share of another's, between 0 and 1.
	InquireThreshold float64
	// TellRate is the pace of a tell stream in packets a second.
	TellRate int
	// Keys seal every packet; nil: none is sealed.
	Keys *wire.Keys
	// AcceptPlain also takes packets that are not sealed, when there are Keys.
	AcceptPlain bool
	// Marks are what Node.Marks returned in an earlier run. What was accepted
	// up to then is refused.
	Marks map[[4]byte]uint64
	Log   zerolog.Logger
}

// room returns the number of bytes that a packet may have before it is sealed.
func (o *Options) room() int {
	if o.Keys == nil {
		return o.MaxPayload
	}
	return o.MaxPayload - wire.SealOverhead
}

func (o *Options) validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("live sync: "+format, args...))
		}
	}
	check(len(o.Nodes) > 0, "no nodes: packets would be accepted from nobody")
	smallest := wire.HeaderSize + wire.Live6Size + o.MaxPayload - o.room()
	check(o.MaxPayload >= smallest && o.MaxPayload <= MaxPayload,
		"max payload %d is not between %d and %d bytes", o.MaxPayload, smallest, MaxPayload)
	check(o.MaxDelay > 0, "max delay %s is not positive", o.MaxDelay)
	check(o.FirstBeaconDelay >= 0, "first beacon delay %s is negative", o.FirstBeaconDelay)
	check(o.BeaconInterval > 0, "beacon interval %s is not positive", o.BeaconInterval)
	check(o.InquireThreshold >= 0 && o.InquireThreshold <= 1, "inquire threshold %g is not between 0 and 1", o.InquireThreshold)
	check(o.TellRate > 0 && o.TellRate <= maxTellRate, "tell rate %d is not between 1 and %d packets a second", o.TellRate, maxTellRate)
	return errors.Join(errs...)
}
