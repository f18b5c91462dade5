package store

import (
	"go.etcd.io/bbolt"

	"keeptrack/tracker"
)

// Load calls fn for every record in the file, once each, in order of info hash,
// and returns their number. The memory that it needs does not grow with the
// file. Damage is an error that names file, bucket and key; fn may have been
// called before it was found. fn must not call the store.
func (s *Store) Load(fn func(tracker.Record)) (int, error) {
	n, _, err := s.LoadMost(0, func(r tracker.Record, _ bool) { fn(r) })
	return n, err
}

// LoadMost is Load for who has room for limit records; 0 is no limit. Those with
// the most downloads, and of equals the latest announced, fit. It returns how many
// do and how many are left in the file alone. When there are too many it goes
// through the file up to eight times, most often four.
func (s *Store) LoadMost(limit int, fn func(r tracker.Record, fits bool)) (loaded, left int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var index chunkIndex
	err = s.db.View(func(tx *bbolt.Tx) error {
		err := guarded(func() error {
			takes, err := choose(tx, limit)
			if err != nil {
				return err
			}
			index, _, err = walk(tx, func(r tracker.Record) {
				fits := takes(r)
				if fits {
					loaded++
				} else {
					left++
				}
				fn(r, fits)
			})
			return err
		})
		if err != nil {
			return damaged(s.path, err)
		}
		return nil
	})
	if err == nil {
		s.loaded, s.index.records = true, index
	}
	return loaded, left, err
}

// LoadParts calls fn for every part and every excess in the file, of origins that are
// not folded, in order of info hash and origin. It is called after Load; there may be
// parts of torrents without a record, which stand for nothing. fn must not call the
// store.
func (s *Store) LoadParts(fn func(tracker.TorrentPart)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var index chunkIndex
	err := s.db.View(func(tx *bbolt.Tx) error {
		return guarded(func() error {
			origins, err := readOrigins(tx)
			if err != nil {
				return err
			}
			index, _, err = partTable.in(tx).walk(func(element []byte) {
				if p := readPart(element); !origins.drops(p) {
					fn(p)
				}
			})
			return err
		})
	})
	if err != nil {
		return damaged(s.path, err)
	}
	s.index.parts = index
	return nil
}

// choose returns what tells the records that fit; it is to be asked for each, in
// order of info hash.
func choose(tx *bbolt.Tx, limit int) (takes func(tracker.Record) bool, err error) {
	all := func(tracker.Record) bool { return true }
	if limit == 0 {
		return all, nil
	}
	if most, err := recordTable.in(tx).atMost(); err != nil || most <= limit {
		return all, err
	}
	c, err := findCut(tx, limit)
	return c.takes, err
}
