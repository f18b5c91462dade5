package runs

import "bytes"

// Overlay goes through the elements of a base as the journal has left them, in
// order of key.
type Overlay struct {
	table    *Table
	elements []byte // of the base, that are left
	sequence uint64
	high     []byte
	merge    *Merge
	change   Change // that comes next, if more is set
	more     bool
}

// NewOverlay begins with the first of a base's elements, which are ascending. The
// base contains the journal's entries up to a sequence. It covers the keys below
// high, of which nil is past the last. merge stands at the first change that the
// base covers, and is past the last in the end.
func NewOverlay(elements []byte, sequence uint64, high []byte, merge *Merge) *Overlay {
	o := &Overlay{table: merge.table, elements: elements, sequence: sequence, high: high, merge: merge}
	o.look()
	return o
}

// Left returns what Next has not come to of the base's elements.
func (o *Overlay) Left() []byte { return o.elements }

// Next returns the next element and the sequence of the entry that it is from, the
// base's for its own. At the end it returns nil.
func (o *Overlay) Next() (element []byte, sequence uint64, err error) {
	for {
		order := -1 // of the base's next element and the next change
		if len(o.elements) == 0 {
			order = 1
		} else if o.more {
			order = bytes.Compare(o.elements[:o.table.Key], o.change.Key)
		}
		if order < 0 {
			return o.take(), o.sequence, nil
		}
		if !o.more {
			return nil, 0, nil
		}
		change := o.change
		if err := o.merge.Next(); err != nil {
			return nil, 0, err
		}
		o.look()
		if change.Sequence <= o.sequence {
			continue // the base contains it
		}
		if order == 0 {
			o.take()
		}
		if change.Element != nil {
			return change.Element, change.Sequence, nil
		}
	}
}

// look finds the change that comes next.
func (o *Overlay) look() {
	if o.more = !o.merge.Ended(); o.more {
		o.change = o.merge.Change()
		o.more = o.high == nil || bytes.Compare(o.change.Key, o.high) < 0
	}
}

// take cuts off the base's next element.
func (o *Overlay) take() []byte {
	element := o.elements[:o.table.Element]
	o.elements = o.elements[o.table.Element:]
	return element
}
