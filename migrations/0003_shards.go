package migrations

import (
	"bytes"
	"encoding/binary"
	"sort"

	"go.etcd.io/bbolt"

	"keeptrack/store/runs"
)

// shardCount is the number of shards in version 2.
const shardCount = 256

// shardsChecked says what has been checked of the values of version 2, which stay
// as they are from one transaction to the next.
type shardsChecked struct {
	shards  [shardCount]bool
	journal bool
}

// shards are the records of version 2 in order of info hash.
type shards struct {
	base    *bbolt.Bucket
	checked *shardsChecked
	merge   *runs.Merge
	from    []byte // the first info hash that is wanted
	next    int    // shard to come
	current *runs.Overlay
}

// openShards starts at the first record that is not before from.
func openShards(tx *bbolt.Tx, from []byte, checked *shardsChecked) (*shards, error) {
	s := &shards{base: tx.Bucket([]byte("base")), checked: checked, from: from, next: int(from[0])}
	oldest, err := s.oldest()
	if err != nil {
		return nil, err
	}
	entries, err := readJournal(tx.Bucket([]byte("journal")), oldest, !checked.journal)
	if err != nil {
		return nil, err
	}
	checked.journal = true
	s.merge, err = runs.NewMerge(runs.Records, entries, from)
	return s, err
}

// record returns the next record, nil at the end.
func (s *shards) record() ([]byte, error) {
	for {
		if s.current != nil {
			if record, _, err := s.current.Next(); err != nil || record != nil {
				return record, err
			}
		}
		if s.next == shardCount {
			return nil, nil
		}
		if err := s.open(s.next); err != nil {
			return nil, err
		}
		s.next++
	}
}

// open goes to a shard.
func (s *shards) open(shard int) error {
	value, err := s.value(shard)
	if err != nil {
		return err
	}
	if !s.checked.shards[shard] {
		if err := checkShard(shard, value); err != nil {
			return shardError(shard, err)
		}
		s.checked.shards[shard] = true
	}
	var sequence uint64
	var records, high []byte
	if value != nil {
		sequence, records = binary.BigEndian.Uint64(value[4:]), value[4+8:]
	}
	skipped := sort.Search(len(records)/runs.RecordSize, func(i int) bool {
		return bytes.Compare(records[i*runs.RecordSize:][:runs.HashSize], s.from) >= 0
	})
	if shard+1 < shardCount {
		high = []byte{byte(shard + 1)}
	}
	s.current = runs.NewOverlay(records[skipped*runs.RecordSize:], sequence, high, s.merge)
	return nil
}

// value returns the value of a shard, nil if it has none.
func (s *shards) value(shard int) ([]byte, error) {
	b := s.base.Bucket([]byte{byte(shard)})
	if b == nil {
		return nil, nil
	}
	v := b.Get([]byte("state"))
	if len(v) < 4+8 || (len(v)-4-8)%runs.RecordSize != 0 {
		return nil, shardError(shard, errLength)
	}
	return v, nil
}

// oldest returns the lowest sequence in the base; a shard without a value has 0.
func (s *shards) oldest() (oldest uint64, err error) {
	for shard := range shardCount {
		v, err := s.value(shard)
		if v == nil {
			return 0, err
		}
		if sequence := binary.BigEndian.Uint64(v[4:]); shard == 0 || sequence < oldest {
			oldest = sequence
		}
	}
	return oldest, nil
}
