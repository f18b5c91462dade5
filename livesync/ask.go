package livesync

import (
	"slices"
	"time"
)

// Whom to ask, and when: the part of the decisions from another's BEACON to our
// INQUIRE.

// heardBeacon makes the instance wanting when the sender has far more torrents
// and, after a start, when it has any: what was missed while down shows in no
// number of torrents.
func (d *decisions) heardBeacon(e event, now time.Time) {
	ahead := d.fresh || float64(e.local) < d.threshold*float64(e.torrents)
	sender := d.known.heard(e, ahead, now, d.interval)
	if !ahead || sender.resting(now) {
		return
	}
	if !d.wanting {
		d.wanting, d.since, d.asked, d.deadline = true, now, nil, now.Add(2*d.interval)
	}
	d.choose(now)
}

// choose looks for the instance to ask. After one that did not answer it is the
// one known longest, and not the one that claims most: who makes up instances
// makes up numbers as well.
func (d *decisions) choose(now time.Time) (found bool) {
	k := d.known.choose(d.since, now, d.failed%2 == 1)
	if k != nil {
		d.best, d.bestCount = k.id, k.torrents
	}
	return k != nil
}

// inquire asks the best instance, or gives up when that was done often enough.
func (d *decisions) inquire(now time.Time) []action {
	if len(d.asked) < maxAsks && d.choose(now) {
		d.asked = append(d.asked, d.best)
		d.deadline = now.Add(d.interval)
		return []action{{kind: actionInquire, target: d.best}}
	}
	d.wanting = false
	d.failed++
	return d.rest(now)
}

// rest has those that were asked in vain not be asked for a while.
func (d *decisions) rest(now time.Time) (actions []action) {
	for i, id := range d.asked {
		if !slices.Contains(d.asked[:i], id) {
			d.known.silent(id, now, d.interval)
			actions = append(actions, action{kind: actionSilent, target: id})
		}
	}
	return actions
}
