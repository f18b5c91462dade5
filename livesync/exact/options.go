package exact

import (
	"time"

	"keeptrack/tracker/override"
)

// Options are what a Group is made with.
type Options struct {
	Interval time.Duration // between two hellos; the measure of most waits
	MaxDelay time.Duration // how long parts wait for a message to fill
	Retry    time.Duration // until what was not answered is asked again
	// Transit bounds how long a message is under way. Ages rise by it at each crossing.
	Transit time.Duration
	// Reorder returns how long it may take until all others have heard of the completions
	// of strangers that this instance has counted. For so long nobody's parts wait.
	Reorder func() time.Duration
	// Rotate is how long an origin counts; it is shorter than half of the time after
	// which torrents are let go. RotateHeld is that half, for while folding is held up.
	Rotate, RotateHeld time.Duration
	// Unsettled is for how long nobody's parts may differ because torrents are not let
	// go at the same moment.
	Unsettled time.Duration
	Away      time.Duration // a member that nobody heard for so long has ended
	Alone     time.Duration // how long to wait for members when none is known
	// Awaited reports whether there may be a member that was never heard. Nothing is
	// folded before it is. Nil: whoever was never heard is no member.
	Awaited func() bool
	Sizes   Sizes
	// Label names this instance to people.
	Label override.Label
	// NewOrigin draws a name.
	NewOrigin func() Origin
	// Keep puts on the disk which origin is the present one and which have ended. It
	// returns when they are there.
	Keep func(State)
	// Send sends a message to the member of that origin, or to all if it is Nobody.
	Send func(to Origin, m Message)
}

// Sizes are how many of a thing fit into a message.
type Sizes struct{ Records, Nodes, Names int }

// State is what outlives a restart.
type State struct {
	Present Origin      // the one that counts; it has ended at the next start
	Ended   []Origin    // not folded
	Folded  []Origin    // in the order in which they were folded
	Known   []KnownSeen // members that have not ended
	// Alone is since when no member is known; the zero time if there is one.
	Alone time.Time
}

// KnownSeen is when a member was last heard, by whomever in the group.
type KnownSeen struct {
	Origin Origin
	At     time.Time
}
