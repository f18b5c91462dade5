package override

import (
	"crypto/sha256"
	"encoding/binary"
	"iter"
	"slices"
	"time"

	"keeptrack/tracker"
)

const (
	// Max is the number of overrides in force up to which further ones are made.
	Max = 1 << 16
	// Capacity is the number of entries of a Set, dropped ones included. Other
	// instances may have it hold more overrides than Max.
	Capacity = 1 << 18
	// Lifetime is how long it is kept that an override was dropped.
	Lifetime = 365 * 24 * time.Hour
	// RangeCount is the number of ranges of info hashes that have a digest of
	// their own: one for each first byte.
	RangeCount = 256
)

// Digests are the digests of all ranges.
type Digests [RangeCount]uint64

// Root returns the digest of the whole set.
func (d *Digests) Root() (root uint64) {
	for _, r := range d {
		root ^= r
	}
	return root
}

// Set holds one Override for each info hash, at most Capacity in all, at 40 bytes
// each. The zero Set is empty. It is not safe for use by several goroutines.
type Set struct {
	ranges  [RangeCount][]Override // in order of info hash
	digests Digests                // the sums of what spreads, combined by exclusive or
	counts  map[Decision]int
}

// Digests returns the digests of what spreads. Those of equal sets are equal.
func (s *Set) Digests() Digests { return s.digests }

// Count returns the number of overrides with a decision.
func (s *Set) Count(d Decision) int { return s.counts[d] }

// Active returns the number of overrides without those dropped.
func (s *Set) Active() int { return s.Len() - s.Count(Dropped) }

// Len returns the number of entries, those dropped included.
func (s *Set) Len() (n int) {
	for _, c := range s.counts {
		n += c
	}
	return n
}

// Find returns the override of an info hash, which may be a dropped one.
func (s *Set) Find(h tracker.InfoHash) (Override, bool) {
	at, found := search(s.ranges[h[0]], h)
	if !found {
		return Override{}, false
	}
	return s.ranges[h[0]][at], true
}

// Takes reports whether o would change the set.
func (s *Set) Takes(o *Override) bool {
	old, found := s.Find(o.InfoHash)
	return !found || o.Beats(&old)
}

// Put puts o in place of what the set has of its info hash, whichever is later.
func (s *Set) Put(o Override) {
	r := o.InfoHash[0]
	at, found := search(s.ranges[r], o.InfoHash)
	if found {
		s.uncount(&s.ranges[r][at])
		s.ranges[r][at] = o
	} else {
		s.ranges[r] = slices.Insert(s.ranges[r], at, o)
	}
	if s.counts == nil {
		s.counts = make(map[Decision]int)
	}
	s.counts[o.Decision]++
	s.digests[r] ^= sum(&o)
}

// Remove removes what the set has of an info hash.
func (s *Set) Remove(h tracker.InfoHash) {
	at, found := search(s.ranges[h[0]], h)
	if !found {
		return
	}
	s.uncount(&s.ranges[h[0]][at])
	s.ranges[h[0]] = slices.Delete(s.ranges[h[0]], at, at+1)
}

func (s *Set) uncount(o *Override) {
	s.counts[o.Decision]--
	s.digests[o.InfoHash[0]] ^= sum(o)
}

// From appends up to limit entries to dst, from an info hash on, in order.
func (s *Set) From(from tracker.InfoHash, limit int, dst []Override) []Override {
	for o := range s.Since(from) {
		if limit == 0 {
			break
		}
		dst, limit = append(dst, *o), limit-1
	}
	return dst
}

// Since goes through the entries in order of info hash, from one on. What it
// yields is valid until the set changes.
func (s *Set) Since(from tracker.InfoHash) iter.Seq[*Override] {
	return func(yield func(*Override) bool) {
		at, _ := search(s.ranges[from[0]], from)
		for _, list := range s.ranges[from[0]:] {
			for ; at < len(list); at++ {
				if !yield(&list[at]) {
					return
				}
			}
			at = 0
		}
	}
}

// All goes through all entries as Since does.
func (s *Set) All(yield func(*Override) bool) { s.Since(tracker.InfoHash{})(yield) }

// Dropped returns the entries that make room for others in a full set, in the order
// in which they do: what was dropped first comes first, then by info hash. All instances
// choose the same.
func (s *Set) Dropped() []Override {
	dropped := make([]Override, 0, s.Count(Dropped))
	for o := range s.All {
		if o.Decision == Dropped {
			dropped = append(dropped, *o)
		}
	}
	slices.SortStableFunc(dropped, func(a, b Override) int {
		switch {
		case b.Beats(&a):
			return -1
		case a.Beats(&b):
			return 1
		}
		return 0
	})
	return dropped
}

func search(list []Override, h tracker.InfoHash) (at int, found bool) {
	return slices.BinarySearchFunc(list, h, func(o Override, h tracker.InfoHash) int {
		return slices.Compare(o.InfoHash[:], h[:])
	})
}

// sum returns what an override adds to the digest of its range, 0 if it does not
// spread.
func sum(o *Override) uint64 {
	if !o.Decision.Spreads() {
		return 0
	}
	h := sha256.Sum256(o.Append(make([]byte, 0, Size)))
	return binary.BigEndian.Uint64(h[:])
}
