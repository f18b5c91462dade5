package runs

import "bytes"

// Merge goes through the changes of many entries in ascending order of key, each
// key once.
type Merge struct {
	table *Table
	heap  []*cursor // the one that comes first at its root; none is ended
}

// NewMerge starts at the first change that is not before the key from.
func NewMerge(t *Table, entries []Entry, from []byte) (*Merge, error) {
	m := &Merge{table: t, heap: make([]*cursor, 0, 2*len(entries))}
	all := make([]cursor, 0, 2*len(entries))
	for i := range entries {
		elements, removed := entries[i].cursors(t)
		all = append(all, elements, removed)
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

// Next goes on to the next key.
func (m *Merge) Next() error {
	key := m.heap[0].key(m.heap[0].at)
	for len(m.heap) > 0 {
		c := m.heap[0]
		if !bytes.Equal(c.key(c.at), key) {
			return nil
		}
		if err := m.moved(c.next()); err != nil {
			return err
		}
	}
	return nil
}

// Seek goes on to the first change that is not before a key.
func (m *Merge) Seek(key []byte) error {
	for len(m.heap) > 0 {
		c := m.heap[0]
		if bytes.Compare(c.key(c.at), key) >= 0 {
			return nil
		}
		if err := m.moved(c.seek(key)); err != nil {
			return err
		}
	}
	return nil
}

// moved puts the cursor at the root of the heap, which has gone forward with an
// error or none, where it belongs.
func (m *Merge) moved(err error) error {
	c := m.heap[0]
	if err := c.named(err); err != nil {
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
