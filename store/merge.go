package store

import (
	"slices"

	"keeptrack/tracker"
)

// merger is a Source whose changes are records read from elsewhere, with their parts.
// They are merged with what the file has: see counts.merge.
type merger struct {
	added []dumped
	parts []tracker.Part // of added, as these say
	next  int            // of added, that has not been taken

	dump *dumpReader // nil: there are no origins
}

// dumped is a torrent that was read.
type dumped struct {
	tracker.Record
	from, to uint32 // its parts and its excess
}

// add takes in a record with its parts.
func (m *merger) add(r tracker.Record, parts []tracker.Part) {
	from := len(m.parts)
	m.parts = append(m.parts, parts...)
	m.added = append(m.added, dumped{r, uint32(from), uint32(len(m.parts))})
}

// sort puts what was added in order of info hash, each torrent once: batches are
// merged with a part of the file each.
func (m *merger) sort() *merger {
	slices.SortFunc(m.added, func(a, b dumped) int { return compareRecords(a.Record, b.Record) })
	once := m.added[:0]
	for _, d := range m.added {
		if n := len(once); n > 0 && once[n-1].InfoHash == d.InfoHash {
			once[n-1] = m.join(once[n-1], d)
		} else {
			once = append(once, d)
		}
	}
	m.added = once
	return m
}

// join makes one of a torrent's two.
func (m *merger) join(a, b dumped) dumped {
	c := m.counts(a).merge(m.counts(b))
	a.LastAnnounce, a.Downloaded = max(a.LastAnnounce, b.LastAnnounce), c.total
	a.from = uint32(len(m.parts))
	m.parts = append(m.parts, c.all()...)
	a.to = uint32(len(m.parts))
	return a
}

// counts returns what was read of a torrent.
func (m *merger) counts(d dumped) counts {
	parts := m.parts[d.from:d.to:d.to]
	if len(parts) > 0 {
		parts = slices.DeleteFunc(slices.Clone(parts), func(p tracker.Part) bool { return m.dump.folded[p.Origin] })
	}
	return countsOf(d.Downloaded, parts)
}

// combine returns the record and the parts that come of a change that this has made
// and of what the file has.
func (m *merger) combine(in tracker.InFile, c *tracker.Change) (r tracker.Record, parts []tracker.Part) {
	i, _ := slices.BinarySearchFunc(m.added, c.Record, func(d dumped, r tracker.Record) int { return compareRecords(d.Record, r) })
	d := m.added[i]
	r = in.Record
	r.LastAnnounce = max(r.LastAnnounce, d.LastAnnounce)
	if len(in.Parts) == 0 && d.from == d.to { // most
		r.Downloaded = max(r.Downloaded, d.Downloaded)
		return r, nil
	}
	merged := countsOf(in.Downloaded, in.Parts).merge(m.counts(d))
	r.Downloaded = merged.total
	return r, merged.all()
}

// done forgets what has been written.
func (m *merger) done() { m.added, m.parts, m.next = m.added[:0], m.parts[:0], 0 }

// TakeChanges takes what comes next, for combine.
func (m *merger) TakeChanges(dst []tracker.Change, limit int) []tracker.Change {
	end := min(len(m.added), m.next+limit)
	for _, d := range m.added[m.next:end] {
		dst = append(dst, tracker.Change{Record: d.Record, Partial: true})
	}
	m.next = end
	return dst
}

// RestoreChanges does nothing: an import that fails to write ends.
func (m *merger) RestoreChanges([]tracker.Change) {}

// Settle does nothing: what is written is done with.
func (m *merger) Settle(tracker.Settlement) {}

// Expired is false: an import lets nothing go.
func (m *merger) Expired(tracker.Record) bool { return false }
