package runs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// hash returns an info hash that stands for a number, in the same order.
func hash(n int) []byte {
	h := binary.BigEndian.AppendUint64(make([]byte, 0, HashSize), uint64(n/16))
	return binary.BigEndian.AppendUint64(h[:HashSize-8], uint64(n))
}

// record returns a record of a torrent with a value.
func record(n, value int) []byte {
	return append(hash(n), binary.BigEndian.AppendUint64(make([]byte, 4), uint64(value))...)
}

// plain is an entry as a map: the value of a changed torrent, -1 of a removed one.
type plain map[int]int

// entry encodes a plain entry.
func (p plain) entry(sequence uint64) Entry {
	e := Entry{Sequence: sequence}
	for _, n := range sorted(p) {
		if p[n] < 0 {
			e.Removed = append(e.Removed, hash(n)...)
		} else {
			e.Elements = append(e.Elements, record(n, p[n])...)
		}
	}
	e.ElementSums = AppendSums(nil, e.Elements, RecordSize)
	e.RemovedSums = AppendSums(nil, e.Removed, HashSize)
	return e
}

func sorted(p plain) []int {
	all := make([]int, 0, len(p))
	for n := range p {
		all = append(all, n)
	}
	slices.Sort(all)
	return all
}

// random returns entries with the sequences from 1 on, and the same plain.
func random(rng *rand.Rand) (entries []Entry, all []plain) {
	torrents := 1 + rng.IntN(3000)
	for sequence := range 1 + rng.IntN(8) {
		p := plain{}
		for range rng.IntN(torrents) {
			p[rng.IntN(torrents)] = rng.IntN(100) - 20
		}
		for n, v := range p {
			p[n] = max(v, -1)
		}
		all = append(all, p)
		entries = append(entries, p.entry(uint64(sequence+1)))
	}
	return entries, all
}

// newest returns what the newest entry above a sequence that names a torrent says.
func newest(all []plain, n int, above uint64) (value int, sequence uint64, ok bool) {
	for i := len(all) - 1; i >= int(above); i-- {
		if v, ok := all[i][n]; ok {
			return v, uint64(i + 1), true
		}
	}
	return 0, 0, false
}

// want fails the test unless a change is the one that the plain entries have.
func want(t *testing.T, got Change, n, value int, sequence uint64) {
	t.Helper()
	w := Change{Key: hash(n), Sequence: sequence}
	if value >= 0 {
		w.Element = record(n, value)
	}
	if !bytes.Equal(got.Key, w.Key) || !bytes.Equal(got.Element, w.Element) || got.Sequence != sequence {
		t.Fatalf("%+v, want %+v", got, w)
	}
}

// TestMerge compares with plain maps, from a random info hash on.
func TestMerge(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		entries, all := random(rng)
		union := plain{}
		for _, p := range all {
			for n := range p {
				union[n] = 0
			}
		}
		from := rng.IntN(3000)
		m, err := NewMerge(Records, entries, hash(from))
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range sorted(union) {
			if n < from {
				continue
			}
			if m.Ended() {
				t.Fatalf("ended before %d", n)
			}
			value, sequence, _ := newest(all, n, 0)
			want(t, m.Change(), n, value, sequence)
			if err := m.Next(); err != nil {
				t.Fatal(err)
			}
		}
		if !m.Ended() {
			t.Fatalf("goes on with %+v", m.Change())
		}
	}
}

// TestFind looks up torrents in order, some of them twice.
func TestFind(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for range 200 {
		entries, all := random(rng)
		f := NewFinder(Records, entries)
		for n := 0; n < 3000; n += rng.IntN(1 + rng.IntN(400)) {
			above := uint64(rng.IntN(len(all) + 1))
			got, found, err := f.Find(hash(n), above)
			if err != nil {
				t.Fatal(err)
			}
			value, sequence, ok := newest(all, n, above)
			if found != ok {
				t.Fatalf("%d found %v, want %v", n, found, ok)
			}
			if ok {
				want(t, got, n, value, sequence)
			}
			if n == 0 && rng.IntN(400) == 0 {
				n = 1
			}
		}
	}
}

// TestOverlay compares a base with entries over it with a plain map, in pieces.
func TestOverlay(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for range 200 {
		entries, all := random(rng)
		contained := uint64(rng.IntN(len(all) + 1))
		final := plain{}
		var base []byte
		for n := range 3000 {
			if rng.IntN(2) == 0 {
				base = append(base, record(n, 1000+n)...)
				final[n] = 1000 + n
			}
			if v, _, ok := newest(all, n, contained); ok && v < 0 {
				delete(final, n)
			} else if ok {
				final[n] = v
			}
		}
		m, err := NewMerge(Records, entries, hash(0))
		if err != nil {
			t.Fatal(err)
		}
		var got, wanted []byte
		middle := rng.IntN(3000)
		cut := 0
		for cut < len(base) && bytes.Compare(base[cut:cut+HashSize], hash(middle)) < 0 {
			cut += RecordSize
		}
		for _, piece := range []*struct{ records, high []byte }{{base[:cut], hash(middle)}, {base[cut:], nil}} {
			o := NewOverlay(piece.records, contained, piece.high, m)
			for {
				r, sequence, err := o.Next()
				if err != nil {
					t.Fatal(err)
				}
				if r == nil {
					break
				}
				if sequence < contained {
					t.Fatalf("sequence %d, the base has all up to %d", sequence, contained)
				}
				got = append(got, r...)
			}
			if len(o.Left()) > 0 {
				t.Fatalf("%d bytes are left", len(o.Left()))
			}
		}
		for _, n := range sorted(final) {
			wanted = append(wanted, record(n, final[n])...)
		}
		if !bytes.Equal(got, wanted) {
			t.Fatalf("%d records, want %d", len(got)/RecordSize, len(wanted)/RecordSize)
		}
	}
}

// TestDamageIsFound flips every byte of an entry in turn. Whoever reads what the
// byte belongs to, or might miss it, is told; others are not kept from their work.
func TestDamageIsFound(t *testing.T) {
	p := plain{}
	for n := range 1000 {
		p[2*n] = n%3 - 1
	}
	whole := p.entry(7)
	for name, list := range map[string]func(*Entry) *[]byte{
		"records": func(e *Entry) *[]byte { return &e.Elements },
		"removed": func(e *Entry) *[]byte { return &e.Removed },
	} {
		for at := 0; at < len(*list(&whole)); at += 97 {
			e := whole
			damaged := bytes.Clone(*list(&whole))
			damaged[at] ^= 0x80
			*list(&e) = damaged
			if err := readAll(e); !errors.Is(err, ErrChecksum) || !strings.Contains(err.Error(), "key 0000000000000007") {
				t.Fatalf("%s, byte %d: a merge gives %v", name, at, err)
			}
			element := RecordSize
			if name == "removed" {
				element = HashSize
			}
			in := (*list(&whole))[at/element*element:][:HashSize]
			if _, _, err := NewFinder(Records, []Entry{e}).Find(in, 0); !errors.Is(err, ErrChecksum) {
				t.Fatalf("%s, byte %d: a look at the torrent gives %v", name, at, err)
			}
			for n := -1; n < 2001; n += 100 { // never another answer than the right one
				got, found, err := NewFinder(Records, []Entry{e}).Find(hash(max(n, 0)), 0)
				if err != nil {
					continue
				}
				v, ok := p[max(n, 0)]
				if found != ok {
					t.Fatalf("%s, byte %d: %d found %v, want %v", name, at, n, found, ok)
				}
				if ok {
					want(t, got, max(n, 0), v, 7)
				}
			}
		}
	}
}

// readAll goes through an entry.
func readAll(e Entry) error {
	m, err := NewMerge(Records, []Entry{e}, hash(0))
	for err == nil && !m.Ended() {
		err = m.Next()
	}
	return err
}

// FuzzMerge goes through whatever is said to be two entries, without trusting it:
// errors may come, and no info hash comes twice in a row.
func FuzzMerge(f *testing.F) {
	f.Add(record(1, 1), hash(2), record(2, 3), []byte{}, hash(1))
	f.Add(append(record(3, 1), record(2, 1)...), hash(9), record(9, 3), hash(9), hash(4))
	f.Fuzz(func(t *testing.T, records, removed, more, moreRemoved, from []byte) {
		if len(from) != HashSize {
			return
		}
		whole := func(b []byte, size int) []byte { return b[:len(b)/size*size] }
		entries := []Entry{
			{Sequence: 1, Elements: whole(records, RecordSize), Removed: whole(removed, HashSize)},
			{Sequence: 2, Elements: whole(more, RecordSize), Removed: whole(moreRemoved, HashSize)},
		}
		steps := len(records) + len(removed) + len(more) + len(moreRemoved)
		m, err := NewMerge(Records, entries, from)
		if err != nil {
			t.Fatal(err)
		}
		for ; !m.Ended(); steps-- {
			if steps < 0 {
				t.Fatal("it does not end")
			}
			last := m.Change().Key
			if err := m.Next(); err != nil {
				t.Fatal(err)
			}
			if !m.Ended() && bytes.Equal(last, m.Change().Key) {
				t.Fatalf("%x twice", last)
			}
		}
		if _, _, err := NewFinder(Records, entries).Find(from, 0); err != nil {
			t.Fatal(err)
		}
	})
}
