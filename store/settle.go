package store

import (
	"fmt"
	"os"

	"go.etcd.io/bbolt"
)

// transact runs one transaction; it is on disk when transact returns without
// error. It returns the bytes of the pages that it wrote, but for the first two
// of the file. Transactions wait for each other.
func (s *Store) transact(fn func(*bbolt.Tx) error) (written int64, err error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.settleLocked(); err != nil {
		return 0, err
	}
	before := s.pagesWritten()
	if err := s.update(fn); err != nil {
		s.unsettled = true
		return 0, err
	}
	return s.pagesWritten() - before, nil
}

// pagesWritten returns the bytes of all pages that transactions have written,
// but for the first two pages of the file.
func (s *Store) pagesWritten() int64 {
	stats := s.db.Stats().TxStats
	return stats.GetPageAlloc()
}

// settle puts on disk what the file says of itself after a transaction failed,
// in this process or in the one that had the file open before.
//
// When the meta page has been written and flushing it fails, the transaction
// counts as failed, but whoever reads the file sees it done, and the system
// takes the page for clean and will not write it again. The next transaction
// would write over pages that are free after the one that failed and in use
// before it: a power loss then would leave a file whose newest meta page on
// disk points to them. So both meta pages are written once more first.
func (s *Store) settle() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.settleLocked()
}

// settleLocked is settle for who holds the lock.
func (s *Store) settleLocked() error {
	if !s.unsettled {
		return nil
	}
	if err := rewrite(s.file, 2*s.pageSize); err != nil {
		return fmt.Errorf("flushing the meta pages: %w", err)
	}
	s.unsettled = false
	return nil
}

// rewrite writes the first n bytes of a file over themselves and flushes them.
func rewrite(f *os.File, n int) error {
	b := make([]byte, n)
	if _, err := f.ReadAt(b, 0); err != nil {
		return err
	}
	if _, err := f.WriteAt(b, 0); err != nil {
		return err
	}
	return f.Sync()
}
