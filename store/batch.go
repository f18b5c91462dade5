package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"keeptrack/tracker"
)

// batch are changes for one journal entry of each table.
type batch struct {
	taken   []tracker.Change
	order   []place        // the changes in order of info hash, those of a torrent as they were taken
	origins *originTable   // as the transaction has them
	pending []tracker.Part // scratch

	// combine returns the record and the parts, with the excess, that come of a partial
	// change and of what the file has.
	combine func(tracker.InFile, *tracker.Change) (tracker.Record, []tracker.Part)

	records, parts tableBatch
	partial        []tracker.InFile // what the file has of the torrents of partial changes
}

// place is where in a batch a change is, and the beginning of its info hash:
// comparing that is enough for most.
type place struct {
	prefix uint64
	at     int32
}

// sort puts the changes in order, and makes room for what the file has of the
// partial ones.
func (b *batch) sort() {
	b.order = slices.Grow(b.order[:0], len(b.taken))
	partial := 0
	for i := range b.taken {
		if b.taken[i].Partial {
			partial++
		}
		b.order = append(b.order, place{binary.BigEndian.Uint64(b.taken[i].InfoHash[:]), int32(i)})
	}
	slices.SortFunc(b.order, func(p, q place) int {
		if p.prefix != q.prefix {
			return cmp.Compare(p.prefix, q.prefix)
		}
		return cmp.Or(bytes.Compare(b.taken[p.at].InfoHash[:], b.taken[q.at].InfoHash[:]), cmp.Compare(p.at, q.at))
	})
	b.partial = slices.Grow(b.partial[:0], partial)
}

// encode makes the lists of the journal entries. Of a torrent that was taken twice
// the later change counts. To partial changes it adds what the file has.
func (b *batch) encode(records, parts *lookup) error {
	b.records.elements, b.partial = slices.Grow(b.records.elements, len(b.taken)*recordSize), b.partial[:0]
	for from, to := 0, 0; from < len(b.order); from = to {
		hash := &b.taken[b.order[from].at].InfoHash
		for to = from + 1; to < len(b.order) && b.taken[b.order[to].at].InfoHash == *hash; {
			to++
		}
		var err error
		earlier, last := b.order[from:to-1], &b.taken[b.order[to-1].at]
		switch {
		case last.Removed:
			b.records.removed = append(b.records.removed, hash[:]...)
			err = b.removeParts(parts, hash)
		case !last.Partial:
			b.records.elements = appendRecord(b.records.elements, last.Record)
			if b.removedIn(earlier) { // and has come back
				err = b.removeParts(parts, hash)
			}
			b.encodeParts(hash, append(b.pending[:0], last.Parts...))
		default:
			err = b.encodePartial(earlier, last, records, parts)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// encodePartial adds a partial change, with what the file has of the torrent.
func (b *batch) encodePartial(earlier []place, c *tracker.Change, records, parts *lookup) error {
	in, pending, err := b.before(earlier, records, parts, &c.InfoHash)
	if err != nil {
		return err
	}
	rows := in.Parts
	if in.Parts = nil; !b.origins.none() {
		in.Parts = b.origins.withExcess(in, rows)
	}
	r, after := b.combine(in, c)
	if r != in.Record || !in.Found {
		b.records.elements = appendRecord(b.records.elements, r)
	}
	if !b.origins.none() {
		pending = b.origins.differing(pending, after, rows, r)
	}
	b.encodeParts(&c.InfoHash, pending)
	b.partial = append(b.partial, in)
	return nil
}

// before returns what a partial change adds to: an earlier change in the batch
// that is not partial, whose parts are pending then, or what the file has.
func (b *batch) before(earlier []place, records, parts *lookup, hash *tracker.InfoHash) (in tracker.InFile, pending []tracker.Part, err error) {
	pending = b.pending[:0]
	held, err := b.rows(parts, hash)
	if err != nil {
		return in, pending, err
	}
	i := len(earlier) - 1
	for i >= 0 && b.taken[earlier[i].at].Partial {
		i--
	}
	switch {
	case i < 0:
		in, err = records.record(hash)
	case b.taken[earlier[i].at].Removed:
		in.InfoHash = *hash
	default:
		c := &b.taken[earlier[i].at]
		in, pending = tracker.InFile{Record: c.Record, Found: true}, append(pending, c.Parts...)
	}
	if !in.Found || i >= 0 && b.removedIn(earlier[:i]) { // parts without a record are of nothing
		b.remove(hash, held)
		held = nil
	}
	for _, p := range pending {
		if !b.origins.folded(p.Origin) {
			held = setPart(held, p)
		}
	}
	in.Parts = held
	return in, pending, err
}

// removedIn reports whether there is a removal among changes of one torrent.
func (b *batch) removedIn(changes []place) bool {
	return slices.ContainsFunc(changes, func(p place) bool { return b.taken[p.at].Removed })
}
