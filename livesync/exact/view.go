package exact

import (
	"time"

	"keeptrack/tracker/override"
)

// View is what people are told of a group.
type View struct {
	// Origin is the present one, which counts since Began.
	Origin Origin
	Began  time.Time
	// Members are the others, in order of origin.
	Members []Member
	// Ended counts the origins that have ended and are not folded, Folded those that are.
	Ended, Folded int
	// Floors says that totals of strangers, or of before there were parts, are shown
	// until all parts of the members have come.
	Floors bool
	// Sessions counts the searches for parts that are lacking.
	Sessions int
}

// Member is another instance, as this one knows it.
type Member struct {
	Origin Origin
	Label  override.Label // zero until it was heard here
	// Heard is when it was last heard, by whomever in the group.
	Heard time.Time
	// Here says that this instance has heard it within the last intervals. If not, no
	// origin can be folded before it is back, or is said to be gone for good.
	Here bool
	// Unlike is since when its counts differ from those here; zero if they do not. A
	// difference that lasts for an interval or two is one under way.
	Unlike time.Time
	// Behind counts its messages that have not come, up to 4,096.
	Behind uint64
}

// View returns the state of the group.
func (g *Group) View(now time.Time) View {
	v := View{
		Origin: g.ledger.Own(), Began: g.born, Ended: len(g.ended), Folded: len(g.folded.order),
		Floors: !g.floorsAt.IsZero(), Sessions: len(g.sessions), Members: make([]Member, 0, len(g.known)),
	}
	for _, o := range sorted(g.known) {
		member := Member{Origin: o, Heard: g.known[o]}
		if m := g.mates[o]; m != nil && m.hello != nil {
			member.Label, member.Here = m.hello.Label, g.heardLately(m, now)
			member.Unlike = m.unlikeSince()
			if m.hello.Number > m.received.upto {
				member.Behind = uint64(len(m.received.missing(m.hello.Number, maxBeyond)))
			}
		}
		v.Members = append(v.Members, member)
	}
	return v
}

// unlikeSince returns since when a mate differs in anything, zero if it does not.
func (m *mate) unlikeSince() (since time.Time) {
	for t := range m.unlike {
		if s := m.unlike[t].since; !s.IsZero() && (since.IsZero() || s.Before(since)) {
			since = s
		}
	}
	return since
}
