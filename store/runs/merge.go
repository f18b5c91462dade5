package runs

import "bytes"

// Merge goes through the changes of many entries in ascending order of info
// hash, each torrent once.
type Merge struct {
	heap []*cursor // the one that comes first at its root; none is ended
}

// NewMerge starts at the first change that is not before the info hash from.
func NewMerge(entries []Entry, from []byte) (*Merge, error) {
	m := &Merge{heap: make([]*cursor, 0, 2*len(entries))}
	all := make([]cursor, 0, 2*len(entries))
	for i := range entries {
		records, removed := entries[i].cursors()
		all = append(all, records, removed)
	}
	for i := range all {
		c := &all[i]
		if err := c.named(c.seek(from)); err != nil {
			return nil, err
		}
		if !c.ended() {
			c.mark()
			m.heap = append(m.heap, c)
		}
	}
	for i := len(m.heap)/2 - 1; i >= 0; i-- {
		m.sink(i)
	}
	return m, nil
}

// Ended reports whether there are no more changes.
func (m *Merge) Ended() bool { return len(m.heap) == 0 }

// Change returns the current change, which there must be.
func (m *Merge) Change() Change { return m.heap[0].change() }

// Next goes on to the next torrent.
func (m *Merge) Next() error {
	h := m.heap[0].hash(m.heap[0].at)
	for len(m.heap) > 0 {
		c := m.heap[0]
		if !bytes.Equal(c.hash(c.at), h) {
			return nil
		}
		if err := c.named(c.next()); err != nil {
			return err
		}
		if !c.ended() {
			c.mark()
		} else {
			last := len(m.heap) - 1
			m.heap[0] = m.heap[last]
			m.heap = m.heap[:last]
		}
		m.sink(0)
	}
	return nil
}

// sink puts the cursor at i of the heap where it belongs.
func (m *Merge) sink(i int) {
	for {
		first := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(m.heap); child++ {
			if m.heap[child].before(m.heap[first]) {
				first = child
			}
		}
		if first == i {
			return
		}
		m.heap[i], m.heap[first] = m.heap[first], m.heap[i]
		i = first
	}
}
