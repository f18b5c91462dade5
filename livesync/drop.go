package livesync

import (
	"keeptrack/livesync/wire"
	"keeptrack/tracker"
)

// Drop says why something received was not used, or not used as it was. The
// reasons up to DropTooSoon concern a whole packet, the others a record.
type Drop uint8

// The reasons.
const (
	DropNone           Drop = iota // used
	DropForeign                    // the source address is not that of a node
	DropShort                      // shorter than a header
	DropOwn                        // this instance's own id
	DropPlain                      // not sealed, although this instance has a key
	DropNoKey                      // sealed, and this instance has no key
	DropSealedBad                  // sealed with another key, or changed on the way
	DropSealedStale                // sealed too long ago, or ahead of this instance's clock
	DropSealedReplayed             // sealed, and accepted before
	DropUnknownType                // a type that is not known
	DropBadLength                  // a length that does not fit the type
	DropBadValue                   // a packet about counts with a value that nobody sends
	DropEmptyBeacon                // a BEACON of an instance without torrents
	DropOtherTarget                // an INQUIRE for another instance
	DropTooSoon                    // an INQUIRE, or one that asks for peers, within the rest after a stream: the former is answered after it
	DropTrailing                   // part of a record after the last whole one; the whole ones were used
	DropBadPeer                    // port 0 or an address that is not accepted from clients
	DropRefused                    // a torrent that the access list refuses
	DropFull                       // a new torrent, a new peer of one, or an override, beyond the limits
	DropTooOld                     // a torrent not announced for longer than torrents are kept
	DropBadAge                     // a last announce before 1970: taken as then
	DropBadCount                   // a downloaded count beyond what is believed of others
	DropBadOverride                // an override of the access list with an unknown decision
	DropOverrideAhead              // an override made too far ahead of this instance's clock
	DropBusy                       // a packet about overrides or counts, when too many wait to be looked at

	DropCount int = iota // number of reasons, DropNone included
)

var dropNames = [DropCount]string{
	DropNone:           "none",
	DropForeign:        "foreign_source",
	DropShort:          "short",
	DropOwn:            "own_id",
	DropPlain:          "plain",
	DropNoKey:          "sealed_no_key",
	DropSealedBad:      "sealed_bad",
	DropSealedStale:    "sealed_stale",
	DropSealedReplayed: "sealed_replayed",
	DropUnknownType:    "unknown_type",
	DropBadLength:      "bad_length",
	DropBadValue:       "bad_value",
	DropEmptyBeacon:    "empty_beacon",
	DropOtherTarget:    "other_target",
	DropTooSoon:        "too_soon",
	DropTrailing:       "trailing_bytes",
	DropBadPeer:        "bad_peer",
	DropRefused:        "refused",
	DropFull:           "full",
	DropTooOld:         "too_old",
	DropBadAge:         "bad_age",
	DropBadCount:       "bad_count",
	DropBadOverride:    "bad_override",
	DropOverrideAhead:  "override_ahead",
	DropBusy:           "busy",
}

// String returns the reason as a metric's label has it, such as "own_id".
func (d Drop) String() string {
	if int(d) < len(dropNames) {
		return dropNames[d]
	}
	return "unknown"
}

// DropOf returns the reason that stands for an error of wire.Parse or
// wire.Keys.Open, and DropNone for nil.
func DropOf(err error) Drop {
	switch err {
	case nil:
		return DropNone
	case wire.ErrShort:
		return DropShort
	case wire.ErrType:
		return DropUnknownType
	case wire.ErrValue:
		return DropBadValue
	case wire.ErrForged:
		return DropSealedBad
	default:
		return DropBadLength
	}
}

// resultDrops gives the reason for every result of the tracker.
var resultDrops = [tracker.SyncResultCount]Drop{
	tracker.SyncApplied: DropNone,
	tracker.SyncBadPeer: DropBadPeer,
	tracker.SyncRefused: DropRefused,
	tracker.SyncFull:    DropFull,
	tracker.SyncTooOld:  DropTooOld,
}
