package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"keeptrack/store/runs"
)

// errEntry says that a key in the journal is none.
var errEntry = errors.New("not a journal entry")

// journalKey returns the sequence of the journal entry of key k. v is what a
// cursor has for its value, nil for a bucket.
func journalKey(k, v []byte) (uint64, error) {
	if len(k) != 8 || v != nil {
		return 0, errEntry
	}
	return binary.BigEndian.Uint64(k), nil
}

// putChanges stores a journal entry. The value must not be changed before the
// transaction has ended.
func (t tableTx) putChanges(sequence uint64, value []byte) error {
	b, err := t.journal.CreateBucket(binary.BigEndian.AppendUint64(nil, sequence))
	if err != nil {
		return fmt.Errorf("bucket %s, entry %d: %w", t.Journal, sequence, err)
	}
	return b.Put(keyChanges, value)
}

// dropChanges deletes the journal entries up to and including a sequence.
func (t tableTx) dropChanges(sequence uint64) error {
	for {
		k, _ := t.journal.Cursor().First()
		if k == nil || binary.BigEndian.Uint64(k) > sequence {
			return nil
		}
		if err := t.journal.DeleteBucket([]byte(string(k))); err != nil {
			return fmt.Errorf("bucket %s, deleting entry %x: %w", t.Journal, k, err)
		}
	}
}

// journalError has an error name the key of a journal entry.
func (t *table) journalError(key []byte, err error) error {
	return fmt.Errorf("bucket %s, key %x: %w", t.Journal, key, err)
}

// readJournal returns the entries of the journal in order, which must not have a
// gap. read is decodeWhole or openJournal. They are valid for as long as the
// transaction.
func (t tableTx) readJournal(read func(uint64, []byte) (runs.Entry, error)) (entries []runs.Entry, err error) {
	c := t.journal.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		sequence, err := journalKey(k, v)
		if err != nil {
			return nil, t.journalError(k, err)
		}
		if n := len(entries); n > 0 && sequence != entries[n-1].Sequence+1 {
			return nil, t.journalError(k, errGap{entries[n-1].Sequence + 1})
		}
		e, err := read(sequence, t.journal.Bucket(k).Get(keyChanges))
		if err != nil {
			return nil, t.journalError(k, err)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// decodeWhole is decodeJournal for a value that is about to be read whole.
func (t *table) decodeWhole(sequence uint64, v []byte) (runs.Entry, error) {
	willNeed(v)
	return t.decodeJournal(sequence, v)
}

// errGap says which journal entry is missing.
type errGap struct{ sequence uint64 }

func (e errGap) Error() string { return fmt.Sprintf("expected entry %016x", e.sequence) }

// checkComplete checks that the journal, which has no gap, holds every entry
// after the oldest chunk's sequence up to the newest ever written.
func (t tableTx) checkComplete(entries []runs.Entry, oldest uint64) error {
	last := oldest
	if n := len(entries); n > 0 {
		if first := entries[0].Sequence; first != oldest+1 {
			return t.journalError(binary.BigEndian.AppendUint64(nil, first), errGap{oldest + 1})
		}
		last = entries[n-1].Sequence
	}
	if written := t.journal.Sequence(); written != last {
		return errEnd{t.Journal, last, written}
	}
	return nil
}

// errEnd says that the journal ends at another entry than it should.
type errEnd struct {
	journal      string
	at, expected uint64
}

func (e errEnd) Error() string {
	return fmt.Sprintf("bucket %s: ends at entry %016x, expected %016x", e.journal, e.at, e.expected)
}
