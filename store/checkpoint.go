package store

import (
	"errors"
	"fmt"
	"io/fs"
)

// maxBatch is the number of changes that closes a journal entry, which bounds the
// memory that a checkpoint needs and the length of a transaction.
const maxBatch = 64 << 10

// mostEntries is about how many entries the journal has at the most.
const mostEntries = 256

// rewriteFactor is the number of base records rewritten for each change that
// goes to the journal. With 2, the base has been rewritten whole when half as
// many changes as it has records have been written, so that the journal grows
// to half the size of the base; and a change costs three records' writing.
const rewriteFactor = 2

// Result says what a checkpoint did.
type Result struct {
	Records int // changed and new torrents written
	Removed int // torrents removed
	// Bytes is what went to the file, its bookkeeping included.
	Bytes int64
}

// Checkpoint takes what has changed from src and writes it; when it returns
// without error, that is on disk. It takes transactions of bounded size, and
// writes nothing when nothing differs.
//
// Each transaction also writes what along has then.
//
// On an error the changes not written have been given back to src, and the next
// checkpoint writes them; Result tells what was written nevertheless. If another
// file is at the path meanwhile, or none, that is an error too, although all is
// written to the file that is open. It refuses to write before Load has
// succeeded: nothing is built on what may be damaged.
func (s *Store) Checkpoint(src Source, along Along) (Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.loaded {
		return Result{}, fmt.Errorf("database %s: nothing can be written before it is loaded", s.path)
	}
	var res Result
	err := s.settle()
	if err == nil {
		w := &writing{src: src, along: along}
		if w.combine = combinePartial; along.combine != nil {
			w.combine = along.combine
		}
		err = s.checkpoint(w, &res)
	}
	if err == nil {
		err = s.gone()
	}
	if err != nil {
		return res, fmt.Errorf("writing database %s: %w", s.path, err)
	}
	return res, nil
}

// gone returns an error if the file that is open, and goes on being written to,
// is no longer the one that will be opened at the next start.
func (s *Store) gone() error {
	same, err := sameFile(s.path, s.file)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !same {
		return errors.New("the file was replaced or deleted while it was open: what was written since is lost")
	}
	return err
}

// checkpoint takes the changes in batches and writes each.
func (s *Store) checkpoint(w *writing, res *Result) error {
	if err := s.settleDoubt(w.src); err != nil {
		return err
	}
	for wrote := false; ; wrote = true {
		w.taken = w.src.TakeChanges(w.taken[:0], s.limits.batch)
		if len(w.taken) == 0 {
			if wrote {
				return nil
			}
			return s.writeAlong(w.along, res)
		}
		if err := s.write(w, res); err != nil {
			err = errors.Join(err, s.settleDoubt(w.src))
			w.src.RestoreChanges(w.taken)
			return err
		}
		if len(w.taken) < s.limits.batch {
			return nil
		}
	}
}
