package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"keeptrack/tracker"
)

// batch are changes for one journal entry.
type batch struct {
	taken []tracker.Change
	order []place // the changes in order of info hash, those of a torrent as they were taken

	records, removed []byte           // encoded, ascending
	partial          []tracker.InFile // what the file has of the torrents of partial changes
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

// encode makes the lists of a journal entry. Of a torrent that was taken twice
// the later change counts. To partial changes it adds what the file has.
func (b *batch) encode(file *lookup) error {
	b.records, b.removed, b.partial = slices.Grow(b.records[:0], len(b.taken)*recordSize), b.removed[:0], b.partial[:0]
	for from, to := 0, 0; from < len(b.order); from = to {
		hash := &b.taken[b.order[from].at].InfoHash
		for to = from + 1; to < len(b.order) && b.taken[b.order[to].at].InfoHash == *hash; {
			to++
		}
		last := &b.taken[b.order[to-1].at]
		switch {
		case last.Removed:
			b.removed = append(b.removed, hash[:]...)
		case !last.Partial:
			b.records = appendRecord(b.records, last.Record)
		default:
			in, err := b.before(b.order[from:to-1], file, hash)
			if err != nil {
				return err
			}
			b.partial = append(b.partial, in)
			if r := whole(in, last); r != in.Record || !in.Found {
				b.records = appendRecord(b.records, r)
			}
		}
	}
	return nil
}

// before returns what a partial change adds to: an earlier change in the batch
// that is not partial, or what the file has.
func (b *batch) before(earlier []place, file *lookup, hash *tracker.InfoHash) (tracker.InFile, error) {
	for _, p := range slices.Backward(earlier) {
		switch c := &b.taken[p.at]; {
		case c.Removed:
			return tracker.InFile{Record: tracker.Record{InfoHash: *hash}}, nil
		case !c.Partial:
			return tracker.InFile{Record: c.Record, Found: true}, nil
		}
	}
	return file.find(hash)
}

// whole returns the record of a torrent of which the tracker knows a part and the
// file another.
func whole(in tracker.InFile, c *tracker.Change) tracker.Record {
	r := c.Record
	r.LastAnnounce = max(r.LastAnnounce, in.LastAnnounce)
	r.Downloaded = max(c.Floor, in.Downloaded+min(r.Downloaded, tracker.MaxDownloaded-in.Downloaded))
	return r
}
