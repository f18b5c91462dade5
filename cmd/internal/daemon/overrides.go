package daemon

import (
	"errors"
	"fmt"
	"math"
	"time"

	"keeptrack/livesync"
	"keeptrack/livesync/wire"
	"keeptrack/tracker"
	"keeptrack/tracker/override"
)

// Why an override is not made.
var (
	errOverrides    = fmt.Errorf("there are already %d overrides: put hashes into the list's file instead", override.Max)
	errOverrideOpen = errors.New(`access.mode is "open", in which every torrent is served: set it to "deny", which needs no file, or "allow", and reload`)
)

// override adds an info hash to the list or takes it off. It is in force and on
// disk when the method returns without error, and in the log with who asked.
func (r *accessRules) override(h tracker.InfoHash, listed bool, client string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	d, ok := override.Of(r.config.Mode, listed)
	if !ok {
		return errOverrideOpen
	}
	return r.put(h, d, client)
}

// overrideBy is override with the decision itself, which means the same in every
// mode.
func (r *accessRules) overrideBy(h tracker.InfoHash, d override.Decision, client string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.config.Mode == tracker.AccessOpen {
		return errOverrideOpen
	}
	return r.put(h, d, client)
}

// put makes a decision unless it is in force already. r.mu is held.
func (r *accessRules) put(h tracker.InfoHash, d override.Decision, client string) error {
	old, there := r.overrides.Find(h)
	there = there && old.Decision != override.Dropped
	if there && old.Decision == d && r.settled() {
		return nil
	}
	if !there && r.overrides.Active() >= override.Max {
		return errOverrides
	}
	return r.decide(h, d, client)
}

// forget drops the override of an info hash, if there is one, so that the file
// alone decides on it.
func (r *accessRules) forget(h tracker.InfoHash, client string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	old, there := r.overrides.Find(h)
	if (!there || old.Decision == override.Dropped) && r.settled() {
		return nil
	}
	return r.decide(h, override.Dropped, client)
}

// settled reports whether a decision that was made already need not be made again.
// Where they spread it must: a later one of another instance may be on its way.
func (r *accessRules) settled() bool { return !r.unsure && r.spread == nil }

// decide makes a decision about an info hash. r.mu is held.
func (r *accessRules) decide(h tracker.InfoHash, d override.Decision, client string) error {
	now := time.Now()
	o := override.Override{InfoHash: h, Decision: d, Origin: r.label, Time: override.Stamp(now)}
	// What a wrong clock has put further ahead is nowhere else, and gives way: what
	// came after it would not be taken in either.
	if old, there := r.overrides.Find(h); there && old.Time < override.Stamp(now.Add(livesync.MaxSkew)) {
		o.Time = max(o.Time, old.Time+1)
	}
	var change changeOfOverrides
	if !r.add(&change, &o) {
		return errOverrides
	}
	if err := r.write(&change); err != nil {
		return err
	}
	audit(r.log).Str("client", client).Stringer("info_hash", h).Str("change", r.effect(d)).Stringer("decision", d).
		Stringer("origin", r.label).Stringer("mode", r.config.Mode).Bool("spreads", r.spread != nil).Msg("access list changed")
	if r.spread != nil {
		r.spread(o)
	}
	return nil
}

// effect says what a decision does in the mode in force.
func (r *accessRules) effect(d override.Decision) string {
	switch listed, ok := d.Lists(r.config.Mode); {
	case d == override.Dropped:
		return "left to the file"
	case !ok:
		return "kept, without effect in this mode"
	case listed:
		return "added to the list"
	}
	return "taken off the list"
}

// changeOfOverrides is a change that is to be written.
type changeOfOverrides struct {
	put   override.Set
	gone  []tracker.InfoHash
	fresh int // of put, those whose info hashes have no override, or none any more
	// dropped can still make room, the first one first; nil: not looked for yet.
	dropped []override.Override
}

// add makes o part of a change. If the set is full, it evicts the override that was
// dropped first. It returns false if there is none to evict, or o was dropped earlier.
func (r *accessRules) add(c *changeOfOverrides, o *override.Override) bool {
	_, there := r.overrides.Find(o.InfoHash)
	_, again := c.put.Find(o.InfoHash)
	fresh := !there && !again
	if fresh && r.overrides.Len()+c.fresh >= override.Capacity {
		if c.dropped == nil {
			c.dropped = r.overrides.Dropped()
		}
		if len(c.dropped) == 0 || o.Decision == override.Dropped && c.dropped[0].Beats(o) {
			return false
		}
		oldest := c.dropped[0]
		c.dropped = c.dropped[1:]
		r.overrides.Remove(oldest.InfoHash)
		c.gone = append(c.gone, oldest.InfoHash)
		if _, replaced := c.put.Find(oldest.InfoHash); replaced {
			c.fresh++
		}
	}
	c.put.Put(*o)
	if fresh {
		c.fresh++
	}
	return true
}

// write writes a change to the database and puts it in force.
func (r *accessRules) write(c *changeOfOverrides) error {
	all := c.put.From(tracker.InfoHash{}, math.MaxInt, nil)
	if err := r.store.SetOverrides(all, c.gone); err != nil {
		r.unsure = true
		return err
	}
	for _, h := range c.gone {
		r.overrides.Remove(h)
	}
	for _, o := range all {
		r.overrides.Put(o)
	}
	r.apply()
	return nil
}

// groupOverrides are the access rules as live sync uses them.
type groupOverrides struct{ *accessRules }

// Label returns what names this instance to people.
func (g groupOverrides) Label() override.Label { return g.label }

// Digests returns the digests of the overrides.
func (g groupOverrides) Digests() override.Digests {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.overrides.Digests()
}

// From appends up to limit overrides to dst, from an info hash on, in order.
func (g groupOverrides) From(h tracker.InfoHash, limit int, dst []override.Override) []override.Override {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.overrides.From(h, limit, dst)
}

// Take puts what another instance has decided on disk and in force, as far as it
// is later than what is known. It returns how many that were and for how many
// there was no room.
func (g groupOverrides) Take(heard []override.Override, from wire.ID) (taken, full int, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var change changeOfOverrides
	past := outlived(time.Now())
	for i := range heard {
		switch o := &heard[i]; {
		case !g.overrides.Takes(o) || !change.put.Takes(o) || o.Decision == override.Dropped && o.Time < past:
		case !g.add(&change, o):
			full++
		}
	}
	if change.put.Len() == 0 {
		return 0, full, nil
	}
	if err := g.write(&change); err != nil {
		return 0, full, err
	}
	g.logHeard(from, &change)
	return change.put.Len(), full, nil
}

// outlived returns the time before which what was dropped is not kept any more.
func outlived(now time.Time) uint64 { return override.Stamp(now.Add(-override.Lifetime)) }

// Prune forgets what was dropped more than override.Lifetime ago.
func (g groupOverrides) Prune(now time.Time) error {
	past := outlived(now)
	_, err := g.removeAll(func(o *override.Override) bool { return o.Decision == override.Dropped && o.Time < past })
	return err
}

// removeAll removes the overrides that gone chooses, and returns their number.
func (g groupOverrides) removeAll(gone func(*override.Override) bool) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var change changeOfOverrides
	for o := range g.overrides.All {
		if gone(o) {
			change.gone = append(change.gone, o.InfoHash)
		}
	}
	if len(change.gone) == 0 {
		return 0, nil
	}
	return len(change.gone), g.write(&change)
}

// Agreed returns when the overrides were last equal to those of another instance;
// the zero time if never.
func (g groupOverrides) Agreed() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.agreed.at
}

// agreedEvery is how often Agree writes to the database.
const agreedEvery = 24 * time.Hour

// Agree notes that the overrides are equal to those of another instance.
func (g groupOverrides) Agree(now time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.agreed.at = now
	if since := now.Sub(g.agreed.stored); since >= 0 && since < agreedEvery {
		return nil
	}
	if err := g.store.SetOverridesAgreed(now); err != nil {
		return err
	}
	g.agreed.stored = now
	return nil
}

// GiveUp removes what was decided so long ago that the others may have forgotten
// that it was dropped: this instance was away for longer, and takes the group's.
func (g groupOverrides) GiveUp(now time.Time) error {
	past := outlived(now)
	n, err := g.removeAll(func(o *override.Override) bool { return o.Decision.Spreads() && o.Time < past })
	if n > 0 && err == nil {
		g.log.Warn().Int("overrides", n).Msg("overrides of the access list that are older than a year are removed: this instance was away that long, and the group's overrides replace them")
	}
	return err
}
