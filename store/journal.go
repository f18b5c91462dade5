package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"keeptrack/store/runs"
)

// errEntry says that a key in the journal is none.
var errEntry = errors.New("no journal entry")

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
func putChanges(journal *bbolt.Bucket, sequence uint64, value []byte) error {
	b, err := journal.CreateBucket(binary.BigEndian.AppendUint64(nil, sequence))
	if err != nil {
		return fmt.Errorf("bucket of journal entry %d: %w", sequence, err)
	}
	return b.Put(keyChanges, value)
}

// dropChanges deletes the journal entries up to and including a sequence.
func dropChanges(journal *bbolt.Bucket, sequence uint64) error {
	for {
		k, _ := journal.Cursor().First()
		if k == nil || binary.BigEndian.Uint64(k) > sequence {
			return nil
		}
		if err := journal.DeleteBucket([]byte(string(k))); err != nil {
			return fmt.Errorf("deleting journal entry %x: %w", k, err)
		}
	}
}

// journalError has an error name the key of a journal entry.
func journalError(key []byte, err error) error {
	return fmt.Errorf("bucket journal, key %x: %w", key, err)
}

// readJournal returns the entries of the journal in order, which must not have a
// gap. read is decodeJournal or openJournal. They are valid for as long as the
// transaction.
func readJournal(journal *bbolt.Bucket, read func(uint64, []byte) (runs.Entry, error)) (entries []runs.Entry, err error) {
	c := journal.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		sequence, err := journalKey(k, v)
		if err != nil {
			return nil, journalError(k, err)
		}
		if n := len(entries); n > 0 && sequence != entries[n-1].Sequence+1 {
			return nil, journalError(k, errGap{entries[n-1].Sequence + 1})
		}
		e, err := read(sequence, journal.Bucket(k).Get(keyChanges))
		if err != nil {
			return nil, journalError(k, err)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// decodeWhole is decodeJournal for a value that is about to be read whole.
func decodeWhole(sequence uint64, v []byte) (runs.Entry, error) {
	willNeed(v)
	return decodeJournal(sequence, v)
}

// errGap says which journal entry is missing.
type errGap struct{ sequence uint64 }

func (e errGap) Error() string { return fmt.Sprintf("expected entry %016x", e.sequence) }

// checkComplete checks that the journal, which has no gap, holds every entry
// after the oldest chunk's sequence up to the newest ever written.
func checkComplete(journal *bbolt.Bucket, entries []runs.Entry, oldest uint64) error {
	last := oldest
	if n := len(entries); n > 0 {
		if first := entries[0].Sequence; first != oldest+1 {
			return journalError(binary.BigEndian.AppendUint64(nil, first), errGap{oldest + 1})
		}
		last = entries[n-1].Sequence
	}
	if written := journal.Sequence(); written != last {
		return errEnd{last, written}
	}
	return nil
}

// errEnd says that the journal ends at another entry than it should.
type errEnd struct{ at, expected uint64 }

func (e errEnd) Error() string {
	return fmt.Sprintf("bucket journal: ends at entry %016x, expected %016x", e.at, e.expected)
}
