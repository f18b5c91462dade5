package store

import (
	"slices"

	"keeptrack/tracker"
)

// merger is a Source whose changes are records read from elsewhere, merged into
// those of a file.
type merger struct {
	shards  [tracker.ShardCount]mergerShard
	pending int // records added and not merged yet
}

type mergerShard struct {
	records []tracker.Record // what is known, sorted once sorted is set
	sorted  bool
	added   []tracker.Record
	changed []tracker.Record
}

// load takes in a record that the file has.
func (m *merger) load(r tracker.Record) {
	s := &m.shards[r.InfoHash[0]]
	s.records = append(s.records, r)
}

// add takes in a line, unless it is refused.
func (m *merger) add(line []byte) error {
	r, err := ParseLine(line)
	if err != nil {
		return err
	}
	s := &m.shards[r.InfoHash[0]]
	s.added = append(s.added, r)
	m.pending++
	return nil
}

// merge makes changes of what was added and returns m.
func (m *merger) merge() *merger {
	for i := range m.shards {
		m.shards[i].merge()
	}
	m.pending = 0
	return m
}

func (s *mergerShard) merge() {
	if len(s.added) == 0 {
		return
	}
	if !s.sorted {
		slices.SortFunc(s.records, compareRecords)
		s.sorted = true
	}
	slices.SortFunc(s.added, compareRecords)
	known := len(s.records) // those that are sorted
	for len(s.added) > 0 {
		r := s.added[0]
		for s.added = s.added[1:]; len(s.added) > 0 && s.added[0].InfoHash == r.InfoHash; s.added = s.added[1:] {
			r = greater(r, s.added[0])
		}
		at, ok := slices.BinarySearchFunc(s.records[:known], r, compareRecords)
		if !ok {
			s.records = append(s.records, r)
		} else if r = greater(r, s.records[at]); r == s.records[at] {
			continue
		} else {
			s.records[at] = r
		}
		s.changed = append(s.changed, r)
	}
	s.added = nil
	slices.SortFunc(s.records, compareRecords)
}

// greater returns the greater count and the later last announce of a torrent's
// two records.
func greater(a, b tracker.Record) tracker.Record {
	a.Downloaded = max(a.Downloaded, b.Downloaded)
	a.LastAnnounce = max(a.LastAnnounce, b.LastAnnounce)
	return a
}

func (m *merger) TakeChanges(shard int, c *tracker.Changes) {
	s := &m.shards[shard]
	c.Records = append(c.Records, s.changed...)
	s.changed = s.changed[:0]
}

// RestoreChanges does nothing: an import that fails to write ends.
func (m *merger) RestoreChanges(int, *tracker.Changes) {}

func (m *merger) Records(shard int, dst []tracker.Record) []tracker.Record {
	return append(dst, m.shards[shard].records...)
}
