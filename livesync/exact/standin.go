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
// What stands there for what the mate does not have stays, unless that lasts: the mate may
// be about to get it from others.
func (g *Group) standIn(s *session, sp *span, now time.Time) {
	subject, stand := s.subject, make(map[uint16]uint64)
	for i := range sp.refused {
		h := &sp.refused[i].InfoHash
		stand[leaf(h)] ^= digestOf(subject, h, sp.refused[i].Value) ^ digestOf(subject, h, g.table.Part(subject, h))
	}
	for r := int(sp.first); r <= int(sp.last); r++ {
		if x := stand[uint16(r)]; x != 0 || s.lasts {
			g.ledger.standIn(subject, uint16(r), x)
		}
	}
	for i := range sp.refused {
		if g.raise(subject, sp.refused[i], now) != tracker.PartRefused {
			g.ledger.standIn(subject, leaf(&sp.refused[i].InfoHash), 0)
		}
	}
}
