package override

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"keeptrack/tracker"
)

func TestBeats(t *testing.T) {
	at := func(d Decision, time uint64, origin byte) *Override {
		return &Override{Decision: d, Time: time, Origin: Label{origin}}
	}
	for name, c := range map[string]struct{ winner, loser *Override }{
		"the later one":                    {at(Serve, 2, 0), at(Refuse, 1, 9)},
		"a later drop":                     {at(Dropped, 2, 0), at(Refuse, 1, 9)},
		"of two at once, refuse":           {at(Refuse, 1, 0), at(Serve, 1, 9)},
		"of two at once, refuse to a drop": {at(Refuse, 1, 0), at(Dropped, 1, 9)},
		"of two at once, serve to a drop":  {at(Serve, 1, 0), at(Dropped, 1, 9)},
		"of two alike, one by its origin":  {at(Serve, 1, 2), at(Serve, 1, 1)},
		"one that spreads":                 {at(Serve, 1, 0), at(LocalAdded, 9, 0)},
		"a drop that spreads":              {at(Dropped, 1, 0), at(LocalTakenOff, 9, 0)},
	} {
		if !c.winner.Beats(c.loser) || c.loser.Beats(c.winner) || c.winner.Beats(c.winner) {
			t.Errorf("%s does not win", name)
		}
	}
}

// TestDecisions: what is asked for in one mode means the same hash is served or
// refused in every other.
func TestDecisions(t *testing.T) {
	const open, allow, deny = tracker.AccessOpen, tracker.AccessAllow, tracker.AccessDeny
	for _, c := range []struct {
		mode   tracker.AccessMode
		listed bool
		want   Decision
		ok     bool
	}{
		{deny, true, Refuse, true}, {deny, false, Serve, true},
		{allow, true, Serve, true}, {allow, false, Refuse, true},
		{open, true, 0, false}, {open, false, 0, false},
	} {
		if d, ok := Of(c.mode, c.listed); d != c.want || ok != c.ok {
			t.Errorf("%s, listed %v: %s, %v", c.mode, c.listed, d, ok)
		}
	}
	for _, c := range []struct {
		d          Decision
		mode       tracker.AccessMode
		listed, ok bool
	}{
		{Refuse, deny, true, true}, {Refuse, allow, false, true}, {Refuse, open, false, false},
		{Serve, deny, false, true}, {Serve, allow, true, true}, {Serve, open, false, false},
		{Dropped, deny, false, false}, {Dropped, allow, false, false},
		{LocalAdded, deny, true, true}, {LocalAdded, allow, true, true}, {LocalAdded, open, true, true},
		{LocalTakenOff, deny, false, true}, {LocalTakenOff, allow, false, true},
	} {
		if listed, ok := c.d.Lists(c.mode); listed != c.listed || ok != c.ok {
			t.Errorf("%s in mode %s: %v, %v", c.d, c.mode, listed, ok)
		}
	}
}

// TestGolden holds the layout of files and packets.
func TestGolden(t *testing.T) {
	o := Override{InfoHash: tracker.InfoHash{1, 19: 2}, Decision: Refuse, Origin: Label{0xab, 0xcd, 0xef, 1}, Time: 0x1797cfe10dd20001}
	want := "0100000000000000000000000000000000000002" + "02" + "1797cfe10dd20001" + "abcdef01"
	b := o.Append(nil)
	if got := hex.EncodeToString(b); got != want || len(b) != Size {
		t.Errorf("encoded %s, want %s", got, want)
	}
	if got := Decode(b); got != o {
		t.Errorf("decoded %+v, want %+v", got, o)
	}
	if o.Origin.String() != "abcdef01" || (Label{}).String() != "" {
		t.Errorf("labels %q and %q", o.Origin, Label{})
	}
	if at := o.At(); Stamp(at) != o.Time || Stamp(time.Unix(-1, 0)) != 0 {
		t.Errorf("at %s", at)
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		d    Decision
		time uint64
		ok   bool
	}{{Dropped, 0, true}, {Refuse, math.MaxInt64, true}, {LocalAdded, 1, true}, {3, 1, false}, {0x82, 1, false}, {0xff, 1, false}, {Serve, math.MaxInt64 + 1, false}} {
		if err := (&Override{Decision: c.d, Time: c.time}).Check(); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrOverride) {
			t.Errorf("%s at %d: %v", c.d, c.time, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add((&Override{Decision: Refuse, Time: 1}).Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < Size {
			return
		}
		o := Decode(b)
		if !bytes.Equal(o.Append(nil), b[:Size]) {
			t.Errorf("%x became %x", b, o.Append(nil))
		}
		if o.Check() == nil && Stamp(o.At()) != o.Time {
			t.Errorf("%d became %s", o.Time, o.At())
		}
	})
}

// model is a Set in its shortest form.
type model map[tracker.InfoHash]Override

func (m model) digests() (d Digests) {
	for _, o := range m {
		d[o.InfoHash[0]] ^= sum(&o)
	}
	return d
}

func (m model) sorted() (all []Override) {
	for _, o := range m {
		all = append(all, o)
	}
	slices.SortFunc(all, func(a, b Override) int { return bytes.Compare(a.InfoHash[:], b.InfoHash[:]) })
	return all
}

func randomOverride(rng *rand.Rand) Override {
	decisions := []Decision{Dropped, Serve, Refuse, LocalAdded, LocalTakenOff}
	return Override{
		InfoHash: tracker.InfoHash{byte(rng.IntN(4) * 85), 19: byte(rng.IntN(20))},
		Decision: decisions[rng.IntN(len(decisions))],
		Origin:   Label{byte(rng.IntN(3))},
		Time:     rng.Uint64N(10),
	}
}

// TestSetModel compares a Set with a map after random changes.
func TestSetModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	m, s := model{}, Set{}
	for range 5000 {
		o := randomOverride(rng)
		switch old, there := m[o.InfoHash]; {
		case rng.IntN(4) == 0:
			delete(m, o.InfoHash)
			s.Remove(o.InfoHash)
		case s.Takes(&o) != (!there || o.Beats(&old)):
			t.Fatalf("%+v takes the place of %+v: %v", o, old, s.Takes(&o))
		default:
			m[o.InfoHash] = o
			s.Put(o)
		}
		if s.Len() != len(m) || s.Digests() != m.digests() {
			t.Fatalf("%d entries, want %d, or other digests", s.Len(), len(m))
		}
	}
	all, counts := m.sorted(), map[Decision]int{}
	for _, o := range all {
		counts[o.Decision]++
		if got, found := s.Find(o.InfoHash); !found || got != o {
			t.Errorf("found %+v, want %+v", got, o)
		}
	}
	for d, n := range counts {
		if s.Count(d) != n {
			t.Errorf("%d are %s, want %d", s.Count(d), d, n)
		}
	}
	if s.Active() != len(all)-counts[Dropped] || counts[Dropped] == 0 {
		t.Errorf("%d in force of %d", s.Active(), len(all))
	}
	for from := range all {
		for _, limit := range []int{0, 1, 7, 1000} {
			want := all[from:min(from+limit, len(all))]
			if got := s.From(all[from].InfoHash, limit, nil); !slices.Equal(got, want) {
				t.Fatalf("%d from %d: %v, want %v", limit, from, got, want)
			}
		}
	}
}

// TestSetsConverge: whatever the order in which two sets hear of the same
// decisions, they and their digests are the same.
func TestSetsConverge(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	for range 200 {
		var heard []Override
		for range 30 {
			if o := randomOverride(rng); o.Decision.Spreads() {
				heard = append(heard, o)
			}
		}
		var a, b Set
		take := func(s *Set) {
			for _, i := range rng.Perm(len(heard)) {
				if s.Takes(&heard[i]) {
					s.Put(heard[i])
				}
			}
		}
		take(&a)
		take(&b)
		if !slices.Equal(a.From(tracker.InfoHash{}, 100, nil), b.From(tracker.InfoHash{}, 100, nil)) || a.Digests() != b.Digests() {
			t.Fatalf("%v became two sets", heard)
		}
	}
}

func TestDroppedComeInOrder(t *testing.T) {
	var s Set
	if all := s.Dropped(); len(all) > 0 {
		t.Errorf("an empty set has %+v", all)
	}
	for i, d := range []Decision{Refuse, Dropped, Dropped, Serve, Dropped} {
		s.Put(Override{InfoHash: tracker.InfoHash{byte(i)}, Decision: d, Time: uint64(10 - i)})
	}
	for i := range byte(20) {
		s.Put(Override{InfoHash: tracker.InfoHash{120 - i}, Decision: Dropped, Time: 20})
	}
	var got []byte
	for _, o := range s.Dropped() {
		got = append(got, o.InfoHash[0])
	}
	if !slices.Equal(got[:3], []byte{4, 2, 1}) || got[3] != 101 || !slices.IsSorted(got[3:]) {
		t.Errorf("got %v", got)
	}
}
