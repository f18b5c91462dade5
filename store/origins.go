package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"keeptrack/tracker"
)

// Origins is what the counting of a group keeps over a restart.
type Origins struct {
	// Present is the origin that this instance counts for. It is zero before the first
	// one, and in a restored backup.
	Present tracker.Origin
	// Ended are origins that have ended and are not folded, in any order, Folded those
	// that are, in the order in which they were folded.
	Ended, Folded []tracker.Origin
	// Known are the present origins of other members, in any order.
	Known []KnownOrigin
	// Alone is since when the instance has heard no member, the zero time if never.
	Alone time.Time
	// Floors says that the total of a torrent without an excess is a floor, but for
	// its parts: the file is from before there were parts.
	Floors bool
}

// KnownOrigin is the present origin of another member and when that was last heard.
type KnownOrigin struct {
	Origin tracker.Origin
	At     time.Time
}

// The kinds of origins in the bucket origins.
const (
	originPresent = 1 + iota
	originEnded
	originMember // with the unix nanoseconds when it was heard
	originFolded // with its place in the order
)

// originRank says which kind counts if an origin is said to be of several.
var originRank = [...]int{originMember: 1, originPresent: 2, originEnded: 3, originFolded: 4}

// originTable is what is in the bucket origins, with what belongs to it in meta.
type originTable struct {
	kinds  map[tracker.Origin]originValue
	alone  uint64 // unix nanoseconds, 0: none
	floors bool
}

type originValue struct {
	kind   byte
	number uint64
}

// none reports whether there are no origins.
func (t *originTable) none() bool { return len(t.kinds) == 0 }

func (t *originTable) folded(o tracker.Origin) bool { return t.kinds[o].kind == originFolded }

// drops reports whether a row of the parts stands for nothing. An excess of 0 is
// less than what a torrent without an excess has while totals are floors.
func (t *originTable) drops(p tracker.TorrentPart) bool {
	return t.folded(p.Origin) || p.Value == 0 && !(p.Origin == tracker.Nobody && t.floors)
}

// Origins returns what SaveOrigins and Checkpoint have written last.
func (s *Store) Origins() (o Origins, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		return guarded(func() error {
			t, err := readOrigins(tx)
			if err == nil {
				o = t.origins()
			}
			return err
		})
	})
	if err != nil {
		return Origins{}, damaged(s.path, err)
	}
	return o, nil
}

// SaveOrigins puts o in place of what the file has, but for folded origins, which
// stay. It is on disk when the method returns without error; it waits for the
// transaction of a checkpoint, not for a whole one.
func (s *Store) SaveOrigins(o Origins) error {
	return s.writeAccess(func(tx *bbolt.Tx) error {
		_, err := Along{Origins: func() *Origins { return &o }}.putOrigins(tx)
		return err
	})
}

// origins returns the table as others see it.
func (t *originTable) origins() Origins {
	o := Origins{Floors: t.floors}
	if t.alone > 0 {
		o.Alone = time.Unix(0, int64(t.alone)).UTC()
	}
	for name, v := range t.kinds {
		switch v.kind {
		case originPresent:
			o.Present = name
		case originEnded:
			o.Ended = append(o.Ended, name)
		case originMember:
			o.Known = append(o.Known, KnownOrigin{name, time.Unix(0, int64(v.number)).UTC()})
		case originFolded:
			o.Folded = append(o.Folded, name)
		}
	}
	slices.SortFunc(o.Ended, compareOrigins)
	slices.SortFunc(o.Known, func(a, b KnownOrigin) int { return compareOrigins(a.Origin, b.Origin) })
	slices.SortFunc(o.Folded, func(a, b tracker.Origin) int {
		return cmp.Or(cmp.Compare(t.kinds[a].number, t.kinds[b].number), compareOrigins(a, b))
	})
	return o
}

// with returns the table with o in place of everything but what is folded.
func (t *originTable) with(o *Origins) *originTable {
	next := &originTable{kinds: make(map[tracker.Origin]originValue, len(t.kinds)), floors: o.Floors}
	if !o.Alone.IsZero() {
		next.alone = nanoseconds(o.Alone)
	}
	var place uint64
	for name, v := range t.kinds {
		if v.kind == originFolded {
			next.kinds[name], place = v, max(place, v.number)
		}
	}
	for _, name := range o.Folded {
		if !next.folded(name) {
			place++
			next.set(name, originFolded, place)
		}
	}
	next.set(o.Present, originPresent, 0)
	for _, name := range o.Ended {
		next.set(name, originEnded, 0)
	}
	for _, k := range o.Known {
		next.set(k.Origin, originMember, nanoseconds(k.At))
	}
	return next
}

// set has an origin be of a kind, unless it is of one that counts more.
func (t *originTable) set(name tracker.Origin, kind byte, number uint64) {
	if name != tracker.Nobody && originRank[kind] > originRank[t.kinds[name].kind] {
		t.kinds[name] = originValue{kind, number}
	}
}

// nanoseconds returns a time's, 0 before 1970.
func nanoseconds(at time.Time) uint64 { return uint64(max(at.UnixNano(), 0)) }

func compareOrigins(a, b tracker.Origin) int { return bytes.Compare(a[:], b[:]) }

// What can be wrong with a key or a value of the bucket origins.
var (
	errOrigin  = errors.New("not an origin")
	errPresent = errors.New("a second present origin")
)

// originChecker returns what checks the keys and values of the bucket origins, in turn.
func originChecker() func(k, v []byte) error {
	present := false
	return func(k, v []byte) error {
		_, value, err := decodeOrigin(k, v)
		if err == nil && value.kind == originPresent {
			if present {
				return errPresent
			}
			present = true
		}
		return err
	}
}

// decodeOrigin reads a key and a value of the bucket origins.
func decodeOrigin(k, v []byte) (name tracker.Origin, value originValue, err error) {
	if len(k) != len(name) || tracker.Origin(k) == tracker.Nobody || len(v) != 1+8 || v[0] < originPresent || v[0] > originFolded {
		return name, value, errOrigin
	}
	return tracker.Origin(k), originValue{v[0], binary.BigEndian.Uint64(v[1:])}, nil
}

// readOrigins reads the bucket origins and what belongs to it.
func readOrigins(tx *bbolt.Tx) (*originTable, error) {
	meta := tx.Bucket(bucketMeta)
	t := &originTable{kinds: map[tracker.Origin]originValue{}, floors: meta.Get(keyFloors) != nil}
	if v := meta.Get(keyAlone); len(v) == 8 {
		t.alone = binary.BigEndian.Uint64(v)
	}
	check := originChecker()
	err := tx.Bucket(bucketOrigins).ForEach(func(k, v []byte) error {
		if err := check(k, v); err != nil {
			return fmt.Errorf("bucket origins, key %x: %w", k, err)
		}
		name, value, err := decodeOrigin(k, v)
		t.kinds[name] = value
		return err
	})
	return t, err
}

// put writes what differs from the table was.
func (t *originTable) put(tx *bbolt.Tx, was *originTable) error {
	b := tx.Bucket(bucketOrigins)
	for name := range was.kinds {
		if t.kinds[name].kind == 0 {
			if err := b.Delete(name[:]); err != nil {
				return fmt.Errorf("deleting origin %s: %w", name, err)
			}
		}
	}
	for name, v := range t.kinds {
		if v == was.kinds[name] {
			continue
		}
		if err := b.Put(name[:], binary.BigEndian.AppendUint64([]byte{v.kind}, v.number)); err != nil {
			return fmt.Errorf("writing origin %s: %w", name, err)
		}
	}
	return t.putMeta(tx.Bucket(bucketMeta), was)
}

// putMeta writes what differs in the bucket meta.
func (t *originTable) putMeta(meta *bbolt.Bucket, was *originTable) error {
	var err error
	switch {
	case t.alone == was.alone:
	case t.alone == 0:
		err = meta.Delete(keyAlone)
	default:
		err = meta.Put(keyAlone, binary.BigEndian.AppendUint64(nil, t.alone))
	}
	switch {
	case t.floors == was.floors:
	case t.floors:
		err = errors.Join(err, meta.Put(keyFloors, []byte{1}))
	default:
		err = errors.Join(err, meta.Delete(keyFloors))
	}
	return err
}

// equal reports whether two tables are the same.
func (t *originTable) equal(u *originTable) bool {
	return t.alone == u.alone && t.floors == u.floors && maps.Equal(t.kinds, u.kinds)
}
