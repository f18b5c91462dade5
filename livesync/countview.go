package livesync

import (
	"time"

	"keeptrack/livesync/exact"
	"keeptrack/livesync/wire"
	"keeptrack/tracker/override"
)

// Counting is what Cluster tells of how members keep downloaded counts equal.
type Counting struct {
	// Origin is the one that this instance counts for since Began.
	Origin exact.Origin `json:"origin"`
	Began  time.Time    `json:"began"`
	// Ended counts the origins that have ended and are not folded yet, Folded those that
	// are folded.
	Ended  int `json:"ended_origins"`
	Folded int `json:"folded_origins"`
	// HeldUp are the members that are away: while there are any, no origin is folded.
	HeldUp []exact.Origin `json:"held_up_by"`
	// Floors says that counts of other programs, or of before there were origins, are
	// shown until the parts of all members have come.
	Floors bool `json:"floors"`
	// Parts counts the parts that are not folded.
	Parts int `json:"parts"`
	// Searches counts the searches under way for what is lacking.
	Searches int `json:"searches"`
	// RepairSent and RepairReceived count packets that ask for what is lacking, and
	// those that answer.
	RepairSent     uint64 `json:"repair_packets_sent"`
	RepairReceived uint64 `json:"repair_packets_received"`
	// Members are the others, in order of origin.
	Members []CountingMember `json:"members"`
}

// CountingMember is another member.
type CountingMember struct {
	Origin exact.Origin   `json:"origin"`
	Label  override.Label `json:"label"`
	// Instance is its id; nil if it was not heard here lately.
	Instance *wire.ID `json:"instance,omitempty"`
	// Heard is when it was last heard, by whomever in the group, and Here says that it
	// was here within three beacon intervals.
	Heard time.Time `json:"last_heard"`
	Here  bool      `json:"here"`
	// InStep says that its counts are equal to those here.
	InStep bool `json:"in_step"`
	// Unlike is since when its counts differ from those here; the zero time if they do
	// not. For an interval or two that is normal.
	Unlike time.Time `json:"unlike_since,omitzero"`
	// Missing counts its packets of parts that have not come.
	Missing uint64 `json:"packets_missing"`
}

// countingView returns what Cluster tells of counting, given the other instances.
func (n *Node) countingView(others []Instance, now time.Time) *Counting {
	c := n.counting
	if c == nil {
		return nil
	}
	c.mu.Lock()
	v := c.group.View(now)
	c.mu.Unlock()
	out := &Counting{
		Origin: v.Origin, Began: v.Began, Ended: v.Ended, Folded: v.Folded, HeldUp: []exact.Origin{},
		Floors: v.Floors, Parts: c.parts.Count(), Searches: v.Sessions, Members: make([]CountingMember, 0, len(v.Members)),
	}
	for k := wire.KindCountPartsAsk; k <= wire.KindCountRecords; k++ {
		out.RepairSent += n.counters.out[k].packets.Load()
		out.RepairReceived += n.counters.in[k].packets.Load()
	}
	for _, m := range v.Members {
		if !m.Here {
			out.HeldUp = append(out.HeldUp, m.Origin)
		}
		out.Members = append(out.Members, CountingMember{
			Origin: m.Origin, Label: m.Label, Instance: instanceOf(others, m.Origin),
			Heard: m.Heard, Here: m.Here, InStep: m.Here && m.Unlike.IsZero(), Unlike: m.Unlike, Missing: m.Behind,
		})
	}
	return out
}

// instanceOf returns the id of the instance that last counted for an origin, or nil.
func instanceOf(all []Instance, o exact.Origin) *wire.ID {
	for i := range all {
		if all[i].origin == o {
			return &all[i].ID
		}
	}
	return nil
}
