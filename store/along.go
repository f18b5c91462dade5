package store

import (
	"maps"
	"slices"

	"go.etcd.io/bbolt"

	"keeptrack/tracker"
)

// Along is what a checkpoint writes beside changes. Its functions are called after
// changes were taken, in the transaction that writes them, so that what had an effect
// on the changes is in the file with them. They must call nothing of the store, and
// not wait for a goroutine that does.
type Along struct {
	// Floors returns what takes the place of the replay floors in the file: when a
	// packet had an effect on what is in the file, so has its replay floor. If it is
	// nil or returns nil, they are left as they are.
	Floors func() ReplayFloors
	// Origins returns what takes the place of what SaveOrigins has written, by its
	// rules: no record may be newer than the set of folded origins. If it is nil or
	// returns nil, that is left as it is.
	Origins func() *Origins
}

func (a Along) floors() ReplayFloors {
	if a.Floors == nil {
		return nil
	}
	return a.Floors()
}

// putOrigins writes what differs of the origins and returns what the file has then.
func (a Along) putOrigins(tx *bbolt.Tx) (*originTable, error) {
	was, err := readOrigins(tx)
	if err != nil || a.Origins == nil {
		return was, err
	}
	o := a.Origins()
	if o == nil {
		return was, nil
	}
	t := was.with(o)
	return t, t.put(tx, was)
}

// writeAlong writes what differs when there are no changes.
func (s *Store) writeAlong(a Along, res *Result) error {
	floors := a.floors()
	differs, err := s.differ(a.Origins)
	if err != nil || !differs && maps.Equal(floors, s.floors) {
		return err
	}
	written, err := s.transact(func(tx *bbolt.Tx) error {
		if _, err := a.putOrigins(tx); err != nil {
			return err
		}
		return putFloors(tx, floors)
	})
	if err != nil {
		return err
	}
	res.Bytes += written
	s.floors = floors
	return nil
}

// differ reports whether the file has other origins than a function returns.
func (s *Store) differ(origins func() *Origins) (differs bool, err error) {
	if origins == nil {
		return false, nil
	}
	err = s.db.View(func(tx *bbolt.Tx) error {
		return guarded(func() error {
			was, err := readOrigins(tx)
			if o := origins(); err == nil && o != nil {
				differs = !was.equal(was.with(o))
			}
			return err
		})
	})
	return differs, err
}

// withExcess returns the parts of a torrent, with the excess that it has without a
// row as well, and no more than its count allows.
func (t *originTable) withExcess(in tracker.InFile) []tracker.Part {
	most := rest(in.Downloaded, countedParts(in.Parts))
	i := partOf(in.Parts, tracker.Nobody)
	switch {
	case i < 0 && !(t.floors && in.Found && most > 0):
		return in.Parts
	case i < 0:
		return append(slices.Clone(in.Parts), tracker.Part{Value: most})
	}
	all := slices.Clone(in.Parts)
	all[i].Value = min(all[i].Value, most)
	return all
}

// excess returns the excess of a torrent once a partial change has made r of what was
// in the file, and whether a row has to say so. in has the excess of before, held the
// rows of before.
func (t *originTable) excess(in tracker.InFile, held []tracker.Part, c *tracker.Change, r tracker.Record) (e uint64, changed bool) {
	if i := partOf(in.Parts, tracker.Nobody); i >= 0 {
		e = in.Parts[i].Value
	}
	e = addCounts(e, rest(r.Downloaded, addCounts(in.Downloaded, c.Downloaded)))
	var without uint64 // what it has without a new row
	switch i := partOf(held, tracker.Nobody); {
	case i >= 0:
		without = held[i].Value
	case t.floors:
		without = rest(r.Downloaded, countedParts(held))
	}
	return e, e != without
}
