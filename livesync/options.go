package livesync

import (
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/livesync/exact"
	"keeptrack/livesync/transport"
	"keeptrack/livesync/wire"
)

// Bounds of Options: MaxTellRate is more packets a second than anybody can send,
// MaxPeerRate more bytes. A newcomer takes MinPeerRate for dead if it is much slower.
const (
	MaxTellRate = 1_000_000
	MinPeerRate = 10_000
	MaxPeerRate = 10_000_000_000
)

// Options say how an instance takes part.
type Options struct {
	// ID names this instance; the zero ID has one drawn.
	ID wire.ID
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
	// PeerRate is the pace, in bytes a second, of all streams of peers to newcomers
	// together.
	PeerRate int
	// RenewAfter is how much later than others an instance may let go of a torrent,
	// because peers are not published at every announce. TorrentTimeout is how long a
	// torrent is kept that nobody announces; 0: for ever.
	RenewAfter, TorrentTimeout time.Duration
	// Keep puts on the disk which origin downloaded counts are kept for from then on, and
	// returns when it is there. What fails is its to log. With nil this instance keeps
	// counts as programs do that know no origins: by maximum.
	Keep func(exact.State)
	// Origins are what Node.Origins returned in an earlier run, and TotalsAreFloors what
	// Node.TotalsAreFloors did, as of the checkpoint that the tracker was loaded from.
	Origins         exact.State
	TotalsAreFloors bool
	// Overrides are the overrides of the access list, which spread if there are Keys;
	// nil: they do not.
	Overrides Overrides
	// Keys seal every packet; nil: none is sealed.
	Keys *wire.Keys
	// AcceptPlain also takes packets that are not sealed, when there are Keys.
	AcceptPlain bool
	// ReplayFloors are what Node.ReplayFloors returned in an earlier run. Packets
	// accepted up to then are refused.
	ReplayFloors map[[4]byte]uint64
	Log          zerolog.Logger
}

// room returns the size in bytes that a packet may have before it is sealed, if
// the transport carries packets of maxPacket bytes.
func (o *Options) room(maxPacket int) int {
	if o.Keys == nil {
		return maxPacket
	}
	return maxPacket - wire.SealOverhead
}

// validate checks the options of a node whose transport has these limits.
func (o *Options) validate(l transport.Limits) error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("live sync: "+format, args...))
		}
	}
	room := o.room(l.MaxPacket)
	check(room >= wire.SmallestPacket, "packets of %d bytes are too small, at least %d are needed", l.MaxPacket, l.MaxPacket-room+wire.SmallestPacket)
	check(o.MaxDelay > 0, "max delay %s is not positive", o.MaxDelay)
	check(o.FirstBeaconDelay >= 0, "first beacon delay %s is negative", o.FirstBeaconDelay)
	check(o.BeaconInterval > 0, "beacon interval %s is not positive", o.BeaconInterval)
	check(o.RenewAfter >= 0, "renew after %s is negative", o.RenewAfter)
	check(o.TorrentTimeout >= 0, "torrent timeout %s is negative", o.TorrentTimeout)
	check(o.InquireThreshold >= 0 && o.InquireThreshold <= 1, "inquire threshold %g is not between 0 and 1", o.InquireThreshold)
	check(o.TellRate > 0 && o.TellRate <= MaxTellRate, "tell rate %d is not between 1 and %d packets a second", o.TellRate, MaxTellRate)
	check(o.PeerRate >= MinPeerRate && o.PeerRate <= MaxPeerRate, "peer rate %d is not between %d and %d bytes a second", o.PeerRate, MinPeerRate, MaxPeerRate)
	return errors.Join(errs...)
}
