package livesync

import (
	"slices"
	"time"

	"keeptrack/livesync/wire"
)

// maxCandidates bounds the instances of whose beacons something is remembered,
// at 100 bytes each.
const maxCandidates = 1024

const (
	// restAfterTell is how many intervals an instance that has told is not
	// asked again: long enough to ask another, should the first have told less
	// than its beacon promised.
	restAfterTell = 4
	// restAfterSilence is the same for one that was asked and did not tell. It
	// doubles with every further time, maxDoublings times at most.
	restAfterSilence = 10
	maxDoublings     = 6
)

// candidate is an instance that could be asked.
type candidate struct {
	id       wire.ID
	torrents uint64    // by its last beacon
	ahead    bool      // it was worth asking at its last beacon
	known    time.Time // first beacon
	proven   bool      // beaconed again at another time
	heard    time.Time // last beacon
	silences int       // rounds in which it was asked and did not tell, since it last told
	out      time.Time // not asked before
}

// candidates are the instances that could be asked. Anybody on a network
// without a key can make up as many as he likes. Those that beacon more than
// once stay: up to maxCandidates new ones in an interval cannot push them out.
type candidates struct{ list []candidate }

// heard takes note of a beacon and returns the sender.
func (c *candidates) heard(e event, ahead bool, now time.Time, interval time.Duration) *candidate {
	i := slices.IndexFunc(c.list, func(k candidate) bool { return k.id == e.from })
	if i < 0 {
		i = c.room(now)
		c.list[i] = candidate{id: e.from, known: now}
	}
	k := &c.list[i]
	k.torrents, k.ahead, k.heard = e.torrents, ahead, now
	k.proven = k.proven || now.Sub(k.known) >= interval/2
	return k
}

// room returns the place for another one.
func (c *candidates) room(now time.Time) int {
	if len(c.list) < maxCandidates {
		c.list = append(c.list, candidate{})
		return len(c.list) - 1
	}
	at := 0
	for i := range c.list {
		if c.list[i].goesBefore(&c.list[at], now) {
			at = i
		}
	}
	return at
}

// goesBefore reports whether k makes room rather than o: those that rest, then
// those that beaconed once, the first of them first, then the last of the others.
func (k *candidate) goesBefore(o *candidate, now time.Time) bool {
	switch {
	case k.resting(now) != o.resting(now):
		return k.resting(now)
	case k.proven != o.proven:
		return o.proven
	case k.proven:
		return k.known.After(o.known)
	}
	return k.known.Before(o.known)
}

// choose returns the one to ask of those heard since a moment that are worth
// asking: the one with most torrents or, when longest is set, of those that
// beaconed more than once the one known for the longest time. It returns nil
// when there is none.
func (c *candidates) choose(since, now time.Time, longest bool) *candidate {
	var best *candidate
	for i := range c.list {
		k := &c.list[i]
		if !k.ahead || k.resting(now) || k.heard.Before(since) {
			continue
		}
		if best == nil || k.before(best, longest) {
			best = k
		}
	}
	return best
}

// before reports whether k is chosen rather than o.
func (k *candidate) before(o *candidate, longest bool) bool {
	if longest && k.proven != o.proven {
		return k.proven
	}
	if longest {
		return k.known.Before(o.known)
	}
	return k.torrents > o.torrents || k.torrents == o.torrents && k.heard.Before(o.heard)
}

// told has one that tells rest for a while.
func (c *candidates) told(id wire.ID, now time.Time, interval time.Duration) {
	if k := c.find(id); k != nil {
		k.silences, k.out = 0, now.Add(restAfterTell*interval)
	}
}

// silent has one that was asked in vain rest for longer.
func (c *candidates) silent(id wire.ID, now time.Time, interval time.Duration) {
	if k := c.find(id); k != nil {
		k.out = now.Add(restAfterSilence * interval << min(k.silences, maxDoublings))
		k.silences++
	}
}

func (c *candidates) find(id wire.ID) *candidate {
	for i := range c.list {
		if c.list[i].id == id {
			return &c.list[i]
		}
	}
	return nil
}

func (k *candidate) resting(now time.Time) bool { return now.Before(k.out) }
