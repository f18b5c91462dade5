package runs

import "bytes"

// Overlay goes through the records of a base as the journal has left them, in
// order of info hash.
type Overlay struct {
	records  []byte // of the base, that are left
	sequence uint64
	high     []byte
	merge    *Merge
	change   Change // that comes next, if more is set
	more     bool
}

// NewOverlay begins with the first of a base's records, which are ascending. The
// base contains the journal's entries up to a sequence. It covers the info hashes
// below high, of which nil is past the last. merge stands at the first change that
// the base covers, and is past the last in the end.
func NewOverlay(records []byte, sequence uint64, high []byte, merge *Merge) *Overlay {
	o := &Overlay{records: records, sequence: sequence, high: high, merge: merge}
	o.look()
	return o
}

// Left returns what Next has not come to of the base's records.
func (o *Overlay) Left() []byte { return o.records }

// Next returns the next record and the sequence of the entry that it is from, the
// base's for its own. At the end it returns nil.
func (o *Overlay) Next() (record []byte, sequence uint64, err error) {
	for {
		order := -1 // of the base's next record and the next change
		if len(o.records) == 0 {
			order = 1
		} else if o.more {
			order = bytes.Compare(o.records[:HashSize], o.change.Hash)
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
		if change.Record != nil {
			return change.Record, change.Sequence, nil
		}
	}
}

// look finds the change that comes next.
func (o *Overlay) look() {
	if o.more = !o.merge.Ended(); o.more {
		o.change = o.merge.Change()
		o.more = o.high == nil || bytes.Compare(o.change.Hash, o.high) < 0
	}
}

// take cuts off the base's next record.
func (o *Overlay) take() []byte {
	record := o.records[:RecordSize]
	o.records = o.records[RecordSize:]
	return record
}
