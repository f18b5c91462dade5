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
	// combine is as in batch, nil: combinePartial.
	combine func(tracker.InFile, *tracker.Change) (tracker.Record, []tracker.Part)
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

// withExcess returns the parts that rows of a torrent say, with the excess that it has
// without a row as well, and no more than its count allows.
func (t *originTable) withExcess(in tracker.InFile, rows []tracker.Part) []tracker.Part {
	most := rest(in.Downloaded, countedParts(rows))
	i := partOf(rows, tracker.Nobody)
	switch {
	case i < 0 && !(t.floors && in.Found && most > 0):
		return rows
	case i < 0:
		return append(slices.Clone(rows), tracker.Part{Value: most})
	}
	all := slices.Clone(rows)
	all[i].Value = min(all[i].Value, most)
	return all
}

// combinePartial returns what comes of a partial change and of what the file has. What
// others have told is a floor.
func combinePartial(in tracker.InFile, c *tracker.Change) (r tracker.Record, parts []tracker.Part) {
	r = c.Record
	r.LastAnnounce = max(r.LastAnnounce, in.LastAnnounce)
	sum := addCounts(in.Downloaded, r.Downloaded)
	r.Downloaded = max(c.Floor, sum)
	parts = slices.Clone(in.Parts)
	if above := r.Downloaded - sum; above > 0 {
		e := tracker.Part{Value: above}
		if i := partOf(parts, tracker.Nobody); i >= 0 {
			e.Value = addCounts(e.Value, parts[i].Value)
		}
		parts = setPart(parts, e)
	}
	return r, parts
}

// differing appends those of a torrent's parts that rows have to say, as its rows say
// something else. r is its record.
func (t *originTable) differing(dst, parts, rows []tracker.Part, r tracker.Record) []tracker.Part {
	excess := tracker.Part{}
	for _, p := range parts {
		if p.Origin == tracker.Nobody {
			excess = p
		} else if i := partOf(rows, p.Origin); i < 0 || rows[i] != p {
			dst = setPart(dst, p)
		}
	}
	var is uint64 // the excess by the rows
	switch i := partOf(rows, tracker.Nobody); {
	case i >= 0:
		is = rows[i].Value
	case t.floors:
		is = rest(r.Downloaded, countedParts(parts))
	}
	if excess.Value != is {
		dst = setPart(dst, excess)
	}
	return dst
}
