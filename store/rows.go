package store

import (
	"bytes"
	"slices"

	"keeptrack/tracker"
)

// rows returns what the table of the parts has of a torrent, of origins that are not
// folded. Every call with a lookup must ask for an info hash after the one before.
func (b *batch) rows(parts *lookup, h *tracker.InfoHash) (held []tracker.Part, err error) {
	err = parts.rows(h, func(element []byte) {
		if p := readPart(element).Part; !b.origins.folded(p.Origin) {
			held = append(held, p)
		}
	})
	return held, err
}

// remove has rows of a torrent go.
func (b *batch) remove(h *tracker.InfoHash, held []tracker.Part) {
	for _, p := range held {
		b.parts.removed = appendPartKey(b.parts.removed, h, p.Origin)
	}
}

// removeParts has all rows of a torrent go; folded ones go by themselves.
func (b *batch) removeParts(parts *lookup, h *tracker.InfoHash) error {
	held, err := b.rows(parts, h)
	b.remove(h, held)
	return err
}

// encodeParts adds rows of a torrent, which are put in order, and keeps the slice for
// the next.
func (b *batch) encodeParts(h *tracker.InfoHash, changed []tracker.Part) {
	slices.SortFunc(changed, compareParts)
	for _, p := range changed {
		if !b.origins.folded(p.Origin) {
			b.parts.elements = appendPart(b.parts.elements, h, p)
		}
	}
	b.pending = changed
}

func compareParts(a, b tracker.Part) int { return bytes.Compare(a.Origin[:], b.Origin[:]) }

// setPart puts a part in place of the one of its origin, or adds it.
func setPart(all []tracker.Part, p tracker.Part) []tracker.Part {
	if i := partOf(all, p.Origin); i >= 0 {
		all[i] = p
		return all
	}
	return append(all, p)
}

// partOf returns where the part of an origin is, -1 if there is none.
func partOf(all []tracker.Part, o tracker.Origin) int {
	return slices.IndexFunc(all, func(p tracker.Part) bool { return p.Origin == o })
}

// countedParts returns the sum of the parts of origins: the excess is none.
func countedParts(all []tracker.Part) (sum uint64) {
	for _, p := range all {
		if p.Origin != tracker.Nobody {
			sum = addCounts(sum, p.Value)
		}
	}
	return sum
}

// addCounts adds counts, which stop at tracker.MaxDownloaded.
func addCounts(a, b uint64) uint64 { return a + min(b, tracker.MaxDownloaded-a) }

// rest returns how much of a count is left without some of it.
func rest(count, without uint64) uint64 { return count - min(count, without) }
