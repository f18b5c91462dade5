package store

import (
	"go.etcd.io/bbolt"

	"keeptrack/tracker"
)

// doubt is a batch whose transaction has failed, maybe too late to keep it from
// taking effect.
type doubt struct {
	sequence   uint64 // of its journal entry of records
	settlement tracker.Settlement
}

// settleDoubt finds out whether the last batch that failed is in the file. If
// so, its partial changes are: written once more, they would count twice.
func (s *Store) settleDoubt(src Source) error {
	if s.doubt == nil {
		return nil
	}
	err := s.db.View(func(tx *bbolt.Tx) error {
		return guarded(func() error {
			if d := s.doubt; d.sequence > 0 && recordTable.in(tx).journal.Sequence() >= d.sequence {
				src.Settle(d.settlement)
			}
			return nil
		})
	})
	if err == nil {
		s.doubt = nil
	}
	return err
}
