package exact

import (
	"bytes"
	"maps"
	"slices"
	"time"

	"keeptrack/tracker"
)

// counts is what a table has of a torrent.
type counts struct {
	nobody, floor uint64
	parts         map[Origin]uint64
	last          time.Time
}

func (c *counts) clone() *counts {
	d := *c
	d.parts = maps.Clone(c.parts)
	return &d
}

func (c *counts) sum() uint64 {
	n := c.nobody
	for _, v := range c.parts {
		n += v
	}
	return n
}

func (c *counts) total() uint64 { return max(c.floor, c.sum()) }

// memory is a Table in the simplest form.
type memory struct {
	ledger  *Ledger
	own     Origin
	timeout time.Duration
	fresh   time.Duration // a torrent is not created by a record that is as old
	refuses map[tracker.InfoHash]bool
	of      map[tracker.InfoHash]*counts
	rose    map[tracker.InfoHash]time.Time
	letGo   func(tracker.InfoHash)
}

func newMemory(l *Ledger, timeout, fresh time.Duration, of map[tracker.InfoHash]*counts) *memory {
	t := &memory{ledger: l, timeout: timeout, fresh: fresh, of: make(map[tracker.InfoHash]*counts), rose: make(map[tracker.InfoHash]time.Time), letGo: func(tracker.InfoHash) {}}
	for h, c := range of {
		t.of[h] = c.clone()
		l.Changed(Nobody, &h, 0, c.nobody)
		for o, v := range c.parts {
			l.Changed(o, &h, 0, v)
		}
	}
	return t
}

func (t *memory) find(h tracker.InfoHash, last time.Time) *counts {
	c := t.of[h]
	if c == nil {
		c = &counts{parts: make(map[Origin]uint64), last: last}
		t.of[h] = c
		t.ledger.Created(&h)
	}
	if c.last.Before(last) {
		c.last = last
	}
	return c
}

func (t *memory) set(h tracker.InfoHash, o Origin, value uint64) {
	c := t.of[h]
	if o == Nobody {
		t.ledger.Changed(o, &h, c.nobody, value)
		c.nobody = value
		return
	}
	t.ledger.Changed(o, &h, c.parts[o], value)
	if c.parts[o] = value; value == 0 {
		delete(c.parts, o)
	}
}

// complete counts a completion of this instance's own.
func (t *memory) complete(h tracker.InfoHash, now time.Time) {
	c := t.find(h, now)
	o := t.own
	c.parts[o]++
	if c.floor > 0 {
		c.floor++
	}
	t.ledger.Counted(o, &h, c.parts[o])
	t.rose[h] = now
}

func (t *memory) Begin(o Origin) { t.own = o }

func (t *memory) Part(o Origin, h *tracker.InfoHash) uint64 {
	c := t.of[*h]
	switch {
	case c == nil:
		return 0
	case o == Nobody:
		return c.nobody
	}
	return c.parts[o]
}

func (t *memory) Raise(now time.Time, o Origin, r Record) Result {
	if t.refuses[r.InfoHash] {
		return tracker.PartRefused
	}
	if t.of[r.InfoHash] == nil && o == Nobody && !r.Kept && r.Age >= t.fresh {
		return tracker.PartRefused
	}
	t.find(r.InfoHash, now.Add(-r.Age))
	if t.Part(o, &r.InfoHash) >= r.Value {
		return tracker.PartHeld
	}
	t.set(r.InfoHash, o, r.Value)
	t.rose[r.InfoHash] = now
	return tracker.PartRaised
}

func (t *memory) RaiseFloor(now time.Time, r Record) bool {
	if t.refuses[r.InfoHash] || r.Age >= t.fresh {
		return false
	}
	c := t.find(r.InfoHash, now.Add(-r.Age))
	if r.Value <= c.total() {
		return false
	}
	c.floor = r.Value
	t.rose[r.InfoHash] = now
	return true
}

func (t *memory) Floors() bool {
	for _, c := range t.of {
		if c.floor > c.sum() {
			return true
		}
	}
	return false
}

func (t *memory) EndFloors() {
	for h, c := range t.of {
		if s := c.sum(); c.floor > s {
			t.set(h, Nobody, c.nobody+c.floor-s)
		}
		c.floor = 0
	}
}

func (t *memory) Fold(origins []Origin) {
	for h, c := range t.of {
		for _, o := range origins {
			if v := c.parts[o]; v > 0 {
				t.set(h, o, 0)
				t.set(h, Nobody, c.nobody+v)
			}
		}
	}
}

func (t *memory) Page(now time.Time, o Origin, from tracker.InfoHash, last uint16, limit int, dst []Record) ([]Record, bool) {
	hashes := slices.SortedFunc(maps.Keys(t.of), func(a, b tracker.InfoHash) int { return bytes.Compare(a[:], b[:]) })
	for _, h := range hashes {
		v := t.Part(o, &h)
		if bytes.Compare(h[:], from[:]) < 0 || leaf(&h) > last || v == 0 {
			continue
		}
		if limit == 0 {
			return dst, true
		}
		limit--
		c := t.of[h]
		dst = append(dst, Record{InfoHash: h, Value: v, Age: now.Sub(c.last), Kept: len(c.parts) > 0})
	}
	return dst, false
}

// sweep lets torrents go.
func (t *memory) sweep(now time.Time) {
	for h, c := range t.of {
		if len(c.parts) == 0 && now.Sub(c.last) >= t.timeout {
			t.set(h, Nobody, 0)
			delete(t.of, h)
			t.letGo(h)
		}
	}
}

func (t *memory) total(h tracker.InfoHash) uint64 {
	if c := t.of[h]; c != nil {
		return c.total()
	}
	return 0
}
