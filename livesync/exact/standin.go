package exact

import (
	"time"

	"keeptrack/tracker"
)

// lastsFor is for how many intervals a difference rests, after it was asked about in vain,
// from which on it is taken for one that lasts.
const lastsFor = 2

// standIn has something stand in the digests for what cannot be taken in of a span, so
// that they are like the mate's. Then it tries once more: the torrent may be there by now.
// The mate may lack something that it is about to get from others. What stands in for that
// stays, unless the difference lasts.
func (g *Group) standIn(s *session, sp *span, now time.Time) {
	for r := int(sp.first); r <= int(sp.last); r++ {
		if x := sp.stand[uint16(r)]; x != 0 || s.lasts {
			g.ledger.standIn(s.subject, uint16(r), x)
		}
	}
	for i := range sp.refused {
		if g.raise(s.subject, sp.refused[i], now) != tracker.PartRefused {
			g.ledger.standIn(s.subject, leaf(&sp.refused[i].InfoHash), 0)
		}
	}
}
