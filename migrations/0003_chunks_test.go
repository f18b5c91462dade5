package migrations

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"keeptrack/store/runs"
)

// old is a file of version 2, and what is in it as a plain map.
type old struct {
	rng      *rand.Rand
	db       *bbolt.DB
	sequence uint64
	truth    map[string]string // record by info hash
}

// newOld fills a file of version 2 with entries of n changes each. The shards are
// as old as they happen to be, and one has most of the torrents.
func newOld(t *testing.T, seed uint64, entries, n int) *old {
	t.Helper()
	o := &old{rng: rand.New(rand.NewPCG(seed, 1)), db: open(t), truth: map[string]string{}}
	for _, step := range Steps[:2] {
		if err := o.db.Update(step.Apply); err != nil {
			t.Fatal(err)
		}
	}
	for range entries {
		if o.rng.IntN(2) == 0 {
			for range o.rng.IntN(4) {
				o.rewrite(t, o.rng.IntN(shardCount))
			}
			o.rewrite(t, 0x42)
		}
		o.change(t, n)
	}
	// As the journal must hold all entries after the oldest sequence, it does.
	return o
}

func (o *old) update(t *testing.T, fn func(base, journal *bbolt.Bucket) error) {
	t.Helper()
	err := o.db.Update(func(tx *bbolt.Tx) error { return fn(tx.Bucket([]byte("base")), tx.Bucket([]byte("journal"))) })
	if err != nil {
		t.Fatal(err)
	}
}

// change writes a journal entry.
func (o *old) change(t *testing.T, n int) {
	t.Helper()
	changed, removed := map[string]string{}, map[string]bool{}
	for range n {
		h := make([]byte, runs.HashSize)
		binary.BigEndian.PutUint32(h[1:], uint32(o.rng.IntN(5*n)))
		if h[0] = 0x42; o.rng.IntN(3) == 0 {
			h[0] = byte(o.rng.IntN(shardCount))
		}
		switch _, known := o.truth[string(h)]; {
		case known && o.rng.IntN(3) == 0:
			delete(o.truth, string(h))
			delete(changed, string(h))
			removed[string(h)] = true
		default:
			r := binary.BigEndian.AppendUint32(bytes.Clone(h), o.rng.Uint32())
			r = binary.BigEndian.AppendUint64(r, o.rng.Uint64())
			o.truth[string(h)], changed[string(h)] = string(r), string(r)
			delete(removed, string(h))
		}
	}
	o.update(t, func(_, journal *bbolt.Bucket) (err error) {
		if o.sequence, err = journal.NextSequence(); err != nil {
			return err
		}
		v := binary.BigEndian.AppendUint32(make([]byte, 4), uint32(len(changed)))
		for _, h := range slices.Sorted(maps.Keys(changed)) {
			v = append(v, changed[h]...)
		}
		for _, h := range slices.Sorted(maps.Keys(removed)) {
			v = append(v, h...)
		}
		b, err := journal.CreateBucket(binary.BigEndian.AppendUint64(nil, o.sequence))
		if err != nil {
			return err
		}
		return b.Put([]byte("changes"), summedUp(v))
	})
}

// rewrite writes a shard of the base, which may have it as of any entry.
func (o *old) rewrite(t *testing.T, shard int) {
	t.Helper()
	o.update(t, func(base, _ *bbolt.Bucket) error {
		v := binary.BigEndian.AppendUint64(make([]byte, 4), o.sequence)
		for _, h := range slices.Sorted(maps.Keys(o.truth)) {
			if int(h[0]) == shard {
				v = append(v, o.truth[h]...)
			}
		}
		b, err := base.CreateBucketIfNotExists([]byte{byte(shard)})
		if err != nil {
			return err
		}
		return b.Put([]byte("state"), summedUp(v))
	})
}

func summedUp(v []byte) []byte {
	binary.BigEndian.PutUint32(v, crc32.Checksum(v[4:], crc32.MakeTable(crc32.Castagnoli)))
	return v
}

// prepare runs parts until they are done, or so many of them. It returns how many
// ran.
func prepare(t *testing.T, db *bbolt.DB, part Part, most int) (n int, done bool) {
	t.Helper()
	for n < most && !done {
		err := db.Update(func(tx *bbolt.Tx) (err error) {
			done, err = part(tx)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n, done
}

// wantChunks fails the test unless the chunks have the truth, and nothing else of
// the records is left.
func (o *old) wantChunks(t *testing.T) {
	t.Helper()
	err := o.db.View(func(tx *bbolt.Tx) error {
		if tx.Bucket([]byte("base")) != nil {
			t.Error("the base is left")
		}
		journal, chunks := tx.Bucket([]byte("journal")), tx.Bucket([]byte("chunks"))
		if k, _ := journal.Cursor().First(); k != nil || journal.Sequence() != o.sequence || chunks.Sequence() != 0 {
			t.Errorf("journal entry %x, sequence %d of %d, chunks' %d", k, journal.Sequence(), o.sequence, chunks.Sequence())
		}
		var got []byte
		first := true
		err := chunks.ForEachBucket(func(k []byte) error {
			v := chunks.Bucket(k).Get([]byte("records"))
			records := v[4+8:]
			if first && !bytes.Equal(k, make([]byte, runs.HashSize)) || !first && !bytes.Equal(k, records[:runs.HashSize]) {
				t.Errorf("chunk %x begins with %x", k, records[:runs.HashSize])
			}
			first = false
			if !summed(v) || binary.BigEndian.Uint64(v[4:]) != o.sequence || len(records) > chunkRecords*runs.RecordSize {
				t.Errorf("chunk %x: %d bytes, sequence %d", k, len(v), binary.BigEndian.Uint64(v[4:]))
			}
			got = append(got, records...)
			return nil
		})
		var want []byte
		for _, h := range slices.Sorted(maps.Keys(o.truth)) {
			want = append(want, o.truth[h]...)
		}
		if first || !bytes.Equal(got, want) {
			t.Errorf("%d records in the chunks, want %d", len(got)/runs.RecordSize, len(want)/runs.RecordSize)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestChunks makes chunks in one try, in tries that are interrupted after every
// part, and with version 2 writing to the file in between.
func TestChunks(t *testing.T) {
	for _, c := range []struct {
		name       string
		entries, n int
		chunks     int // in a part
		parts      int // in a try; 0: all
		writes     bool
	}{
		{"empty", 0, 0, 128, 0, false},
		{"few", 3, 10, 128, 0, false},
		{"in one part", 6, 4000, 128, 0, false},
		{"in many parts", 6, 4000, 1, 0, false},
		{"interrupted after each part", 6, 4000, 1, 1, false},
		{"version 2 writes after the first try", 6, 4000, 1, 2, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			for seed := range uint64(3) {
				o := newOld(t, seed, c.entries, c.n)
				for tries, done := 0, false; !done; tries++ {
					if c.writes && tries == 1 {
						o.change(t, 100)
					}
					var n, most = 0, c.parts
					if most == 0 {
						most = 1000
					}
					n, done = prepare(t, o.db, chunksInParts(c.chunks), most)
					if c.name == "in many parts" && n < 3 {
						t.Errorf("%d parts", n)
					}
				}
				if err := o.db.Update(chunks); err != nil {
					t.Fatal(err)
				}
				o.wantChunks(t)
			}
		})
	}
}

// TestChunksUnfinished: what is not complete does not take the base's place.
func TestChunksUnfinished(t *testing.T) {
	o := newOld(t, 1, 6, 4000)
	if err := o.db.Update(chunks); !errors.Is(err, errUnfinished) {
		t.Errorf("error %v without chunks", err)
	}
	prepare(t, o.db, chunksInParts(128), 10)
	o.change(t, 10)
	if err := o.db.Update(chunks); !errors.Is(err, errUnfinished) {
		t.Errorf("error %v with chunks out of date", err)
	}
}

// TestChunksOfDamage: a value that is damaged ends the migration, and the error
// names it.
func TestChunksOfDamage(t *testing.T) {
	flip := func(b *bbolt.Bucket, key string, i int) error {
		v := bytes.Clone(b.Get([]byte(key)))
		v[(i+len(v))%len(v)] ^= 1
		return b.Put([]byte(key), v)
	}
	first := func(b *bbolt.Bucket) []byte {
		k, _ := b.Cursor().First()
		return bytes.Clone(k)
	}
	for _, c := range []struct {
		name   string
		damage func(base, journal *bbolt.Bucket) error
		want   string
	}{
		{"shard", func(base, _ *bbolt.Bucket) error { return flip(base.Bucket([]byte{0x42}), "state", -1) },
			"bucket base, key 42: the checksum does not match"},
		{"shard cut short", func(base, _ *bbolt.Bucket) error { return base.Bucket([]byte{0x42}).Put([]byte("state"), nil) },
			"bucket base, key 42: the value has an impossible length"},
		{"shard of others", func(base, _ *bbolt.Bucket) error {
			v := bytes.Clone(base.Bucket([]byte{0x42}).Get([]byte("state")))
			v[4+8]++
			return base.Bucket([]byte{0x42}).Put([]byte("state"), summedUp(v[:4+8+runs.RecordSize]))
		}, "bucket base, key 42: a record belongs to another shard"},
		{"entry", func(_, journal *bbolt.Bucket) error { return flip(journal.Bucket(first(journal)), "changes", -1) },
			"bucket journal, key 0000000000000001: the checksum does not match"},
		{"entry lost", func(_, journal *bbolt.Bucket) error { return journal.DeleteBucket(first(journal)) },
			"bucket journal, key 0000000000000002: expected entry 0000000000000001"},
		{"last entry lost", func(_, journal *bbolt.Bucket) error { return journal.SetSequence(9) },
			"bucket journal: ends at entry 0000000000000003, expected 0000000000000009"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := newOld(t, 1, 3, 500)
			o.rewrite(t, 0x42)
			o.update(t, c.damage)
			var err error
			part := chunksInParts(1)
			for done := false; !done && err == nil; {
				err = o.db.Update(func(tx *bbolt.Tx) error {
					var err error
					done, err = part(tx)
					return err
				})
			}
			if err == nil || !strings.Contains(fmt.Sprint(err), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

// FuzzShard: a value of version 2 that is checked is read without a fault.
func FuzzShard(f *testing.F) {
	f.Add([]byte{}, []byte{})
	f.Add(summedUp(make([]byte, 4+8+runs.RecordSize)), summedUp(make([]byte, 4+4+runs.HashSize)))
	f.Fuzz(func(t *testing.T, shard, entry []byte) {
		if len(shard) >= 4+8 && (len(shard)-4-8)%runs.RecordSize == 0 {
			summedUp(shard)
			if err := checkShard(0, shard); err == nil && !ascending(shard[4+8:], runs.RecordSize) {
				t.Error("records out of order")
			}
		}
		if len(entry) >= 4 {
			summedUp(entry)
		}
		if e, err := readEntry(1, entry, true); err == nil {
			if _, err := runs.NewMerge(runs.Records, []runs.Entry{e}, make([]byte, runs.HashSize)); err != nil {
				t.Error(err)
			}
		}
	})
}
