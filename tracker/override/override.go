// Package override holds decisions about single info hashes that are made while
// trackers run. They prevail over the access list's file. Within a group of
// instances they spread: the last one about a hash wins, everywhere.
package override

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"time"

	"keeptrack/tracker"
)

// Decision is what was decided about an info hash.
type Decision uint8

// The decisions. Those that spread are the same in files and packets.
const (
	// Dropped leaves the hash to the file again. It is kept for Lifetime, so that
	// an older decision does not come back from an instance that was away.
	Dropped Decision = 0
	Serve   Decision = 1
	Refuse  Decision = 2

	// LocalTakenOff and LocalAdded were made before decisions spread. They are about
	// the list, so that their meaning depends on the mode, and stay on this
	// instance until another decision about the hash takes their place.
	LocalTakenOff Decision = 0x80
	LocalAdded    Decision = 0x81
)

// String returns the decision's name in lower case, such as "refuse".
func (d Decision) String() string {
	switch d {
	case Dropped:
		return "dropped"
	case Serve:
		return "serve"
	case Refuse:
		return "refuse"
	case LocalTakenOff:
		return "taken_off"
	case LocalAdded:
		return "added"
	}
	return "unknown"
}

// Spreads reports whether d is a decision that other instances are told.
func (d Decision) Spreads() bool { return d <= Refuse }

// Valid reports whether d is one of the decisions.
func (d Decision) Valid() bool { return d.Spreads() || d.local() }

func (d Decision) local() bool { return d == LocalTakenOff || d == LocalAdded }

// Of returns the decision that puts an info hash on the list of a mode, or takes
// it off: in mode AccessDeny what is listed is refused, in AccessAllow served.
// In AccessOpen there is none, and ok is false.
func Of(m tracker.AccessMode, listed bool) (d Decision, ok bool) {
	switch {
	case m == tracker.AccessOpen:
		return 0, false
	case listed == (m == tracker.AccessDeny):
		return Refuse, true
	}
	return Serve, true
}

// Lists returns what d means for the list of a mode: that the hash is on it, or
// off it. Where d has no effect, ok is false.
func (d Decision) Lists(m tracker.AccessMode) (listed, ok bool) {
	switch {
	case d.local():
		return d == LocalAdded, true
	case d == Dropped || m == tracker.AccessOpen:
		return false, false
	}
	return (d == Refuse) == (m == tracker.AccessDeny), true
}

// Label names an instance to people. It is drawn once and stays over restarts.
type Label [4]byte

// String returns 8 lower-case hexadecimal digits, and an empty string for the
// zero Label, which is of no instance.
func (l Label) String() string {
	if l == (Label{}) {
		return ""
	}
	return hex.EncodeToString(l[:])
}

// MarshalText returns the same as String.
func (l Label) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// Override is a decision about one info hash.
type Override struct {
	InfoHash tracker.InfoHash
	Decision Decision
	// Origin is the instance where it was made; zero for local decisions.
	Origin Label
	// Time is when it was made, in nanoseconds since 1970-01-01 UTC.
	Time uint64
}

// At returns Time as a time in UTC.
func (o *Override) At() time.Time { return time.Unix(0, int64(min(o.Time, math.MaxInt64))).UTC() }

// Stamp returns a time as Override.Time has it, 0 before 1970.
func Stamp(t time.Time) uint64 { return uint64(max(t.UnixNano(), 0)) }

// Beats reports whether o takes the place of old, which is about the same info
// hash: the later one does, of two at the same nanosecond the one that refuses.
// Then the other fields decide, so that all instances decide alike. A local
// decision gives way to every one that spreads.
func (o *Override) Beats(old *Override) bool {
	if o.Decision.Spreads() != old.Decision.Spreads() {
		return o.Decision.Spreads()
	}
	c := cmp.Or(cmp.Compare(o.Time, old.Time), cmp.Compare(o.Decision, old.Decision), bytes.Compare(o.Origin[:], old.Origin[:]))
	return c > 0
}

// Size is the number of bytes of an encoded Override: the info hash, the decision
// (1 byte), the time (8 bytes, big-endian) and the origin (4 bytes).
const Size = 20 + 1 + 8 + 4

// ErrOverride is returned for bytes that are no override.
var ErrOverride = errors.New("not an override")

// Append appends Size bytes.
func (o *Override) Append(dst []byte) []byte {
	dst = append(append(dst, o.InfoHash[:]...), byte(o.Decision))
	return append(binary.BigEndian.AppendUint64(dst, o.Time), o.Origin[:]...)
}

// Decode reads the first Size bytes of b. It checks nothing: see Check.
func Decode(b []byte) Override {
	return Override{
		InfoHash: tracker.InfoHash(b),
		Decision: Decision(b[20]),
		Time:     binary.BigEndian.Uint64(b[21:]),
		Origin:   Label(b[29:]),
	}
}

// Check returns ErrOverride if the decision is unknown or the time is beyond 2262.
func (o *Override) Check() error {
	if !o.Decision.Valid() || o.Time > math.MaxInt64 {
		return ErrOverride
	}
	return nil
}
