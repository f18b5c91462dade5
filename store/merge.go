package store

import (
	"slices"

	"keeptrack/tracker"
)

// merger is a Source whose changes are records read from elsewhere: the greater
// count and the later last announce of a torrent, there and in the file, stay.
type merger struct {
	added []tracker.Record
	next  int // of added, that has not been taken
}

// add takes in a line, unless it is refused.
func (m *merger) add(line []byte) error {
	r, err := ParseLine(line)
	if err != nil {
		return err
	}
	m.added = append(m.added, r)
	return nil
}

// sort puts what was added in order of info hash, each torrent once: batches are
// merged with a part of the file each.
func (m *merger) sort() *merger {
	slices.SortFunc(m.added, compareRecords)
	once := m.added[:0]
	for _, r := range m.added {
		if n := len(once); n > 0 && once[n-1].InfoHash == r.InfoHash {
			once[n-1] = greater(once[n-1], r)
		} else {
			once = append(once, r)
		}
	}
	m.added = once
	return m
}

// greater returns the greater count and the later last announce of a torrent's
// two records.
func greater(a, b tracker.Record) tracker.Record {
	a.Downloaded = max(a.Downloaded, b.Downloaded)
	a.LastAnnounce = max(a.LastAnnounce, b.LastAnnounce)
	return a
}

// TakeChanges takes what comes next. Nothing was counted here: the count read is
// the least that the torrent has.
func (m *merger) TakeChanges(dst []tracker.Change, limit int) []tracker.Change {
	end := min(len(m.added), m.next+limit)
	for _, r := range m.added[m.next:end] {
		c := tracker.Change{Record: r, Partial: true, Floor: r.Downloaded}
		c.Downloaded = 0
		dst = append(dst, c)
	}
	if m.next = end; m.next == len(m.added) {
		m.added, m.next = m.added[:0], 0
	}
	return dst
}

// RestoreChanges does nothing: an import that fails to write ends.
func (m *merger) RestoreChanges([]tracker.Change) {}

// Settle does nothing: what is written is done with.
func (m *merger) Settle(tracker.Settlement) {}

// Expired is false: an import lets nothing go.
func (m *merger) Expired(tracker.Record) bool { return false }
