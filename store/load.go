package store

import (
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"keeptrack/tracker"
)

// Load calls fn for every record in the file, once each, in no particular
// order, and returns their number. It reads shard by shard, so that it needs
// little memory of its own. Damage is an error that names file, bucket and key;
// fn may have been called before it was found. fn must not call the store.
func (s *Store) Load(fn func(tracker.Record)) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	err := s.db.View(func(tx *bbolt.Tx) error {
		err := guarded(func() (err error) {
			n, _, err = loadRecords(tx, fn)
			return err
		})
		if err != nil {
			return damaged(s.path, err)
		}
		return nil
	})
	s.loaded = s.loaded || err == nil
	return n, err
}

// loadRecords calls fn for every record, shard by shard in order, within a
// shard in no particular order. It returns the number of records and that of
// journal entries.
func loadRecords(tx *bbolt.Tx, fn func(tracker.Record)) (n, length int, err error) {
	clamped := func(r tracker.Record) {
		r.Downloaded = min(r.Downloaded, tracker.MaxDownloaded)
		fn(r)
	}
	base := tx.Bucket(bucketBase)
	sequences, err := baseSequences(base)
	if err != nil {
		return 0, 0, err
	}
	entries, err := readJournal(tx.Bucket(bucketJournal), slices.Min(sequences[:]))
	if err != nil {
		return 0, 0, err
	}
	changes := make(map[tracker.InfoHash]change)
	for shard := range tracker.ShardCount {
		loaded, err := loadShard(base, shard, entries, changes, clamped)
		if err != nil {
			return n, 0, err
		}
		n += loaded
	}
	for _, e := range entries {
		dontNeed(e.value)
	}
	return n, len(entries), nil
}

// entry is a journal entry on its way through the shards: what has been read
// is cut off its value's front.
type entry struct {
	sequence uint64
	journalValue
	value []byte
}

// change is what the journal says of a torrent. It holds no pointers.
type change struct {
	record  tracker.Record
	removed bool
}

// readJournal checks the journal, which must hold every entry after the oldest
// sequence in the base, and returns the entries in order. They are valid for as
// long as the transaction.
func readJournal(journal *bbolt.Bucket, oldest uint64) ([]entry, error) {
	var entries []entry
	next := oldest + 1
	c := journal.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		sequence, err := journalKey(k, v)
		if err != nil || sequence != next {
			return nil, fmt.Errorf("bucket journal, key %x: expected entry %016x", k, next)
		}
		value := journal.Bucket(k).Get(keyChanges)
		willNeed(value)
		j, err := decodeJournal(value)
		if err != nil {
			return nil, fmt.Errorf("bucket journal, key %x: %w", k, err)
		}
		entries = append(entries, entry{next, j, value})
		next++
	}
	if written := journal.Sequence(); written != next-1 {
		return nil, fmt.Errorf("bucket journal: ends at entry %016x, expected %016x", next-1, written)
	}
	return entries, nil
}

// loadShard calls fn for the records of one shard: those of the base that the
// journal does not change, then those of the journal. changes is scratch.
func loadShard(base *bbolt.Bucket, shard int, entries []entry, changes map[tracker.InfoHash]change, fn func(tracker.Record)) (n int, err error) {
	var state baseValue
	value := getState(base, shard)
	if value != nil {
		willNeed(value)
		if state, err = decodeBase(shard, value); err != nil {
			return 0, fmt.Errorf("bucket base, key %02x: %w", shard, err)
		}
	}
	clear(changes)
	for i := range entries {
		entries[i].collect(shard, state.sequence, changes)
	}
	for b := state.records; len(b) > 0; b = b[recordSize:] {
		r := readRecord(b)
		if _, changed := changes[r.InfoHash]; !changed {
			fn(r)
			n++
		}
	}
	for _, c := range changes {
		if !c.removed {
			fn(c.record)
			n++
		}
	}
	dontNeed(value)
	return n, nil
}

// collect cuts the changes of one shard off the entry and, if the shard's base
// is older than the entry, puts them in place of what changes holds.
func (e *entry) collect(shard int, baseSequence uint64, changes map[tracker.InfoHash]change) {
	apply := e.sequence > baseSequence
	for ; len(e.removed) > 0 && int(e.removed[0]) == shard; e.removed = e.removed[hashSize:] {
		if apply {
			h := tracker.InfoHash(e.removed[:hashSize])
			changes[h] = change{removed: true}
		}
	}
	for ; len(e.records) > 0 && int(e.records[0]) == shard; e.records = e.records[recordSize:] {
		if apply {
			r := readRecord(e.records)
			changes[r.InfoHash] = change{record: r}
		}
	}
}
