package livesync

import "time"

// What of filling depends on time.

// tick does what has become due at now.
func (f *filling) tick(now time.Time) (actions []fillAction) {
	switch {
	case f.state == asking && !now.Before(f.due) && f.asks < maxPeerAsks:
		actions = append(actions, f.ask(now))
	case f.state == asking && !now.Before(f.due), f.state == receiving && !now.Before(f.last.Add(streamSilence)):
		actions = append(actions, f.fail(now))
	case f.state == receiving && !now.Before(f.due):
		f.due = now.Add(haveEvery)
		actions = append(actions, f.action(fillHave))
	}
	if f.state == seeking || f.state == filled {
		if m := f.choose(now); m != nil {
			f.mate, f.stream, f.asks, m.asked = m.id, f.draw(), 0, now
			f.arrived, f.length = arrived{}, 0
			actions = append(actions, f.ask(now))
		}
	}
	if f.state == asking || f.state == receiving {
		f.hopeful = now
	}
	actions = append(actions, f.hello(now)...)
	if !f.ready && !now.Before(f.readyTime()) {
		f.ready = true
		actions = append(actions, f.action(fillAlone))
	}
	return actions
}

// ask asks the mate, once more if it was asked.
func (f *filling) ask(now time.Time) fillAction {
	f.state, f.due = asking, now.Add(askEvery)
	a := f.action(fillAsk)
	a.first = f.asks == 0
	f.asks++
	return a
}

// fail gives the mate up.
func (f *filling) fail(now time.Time) fillAction {
	if f.state = seeking; f.whole {
		f.state = filled
	}
	if m := f.find(f.mate); m != nil {
		m.failures++
		m.told = now
	}
	return f.action(fillLost)
}

// choose returns the mate to ask, or nil if there is none.
func (f *filling) choose(now time.Time) (best *mate) {
	if now.Before(f.began.Add(gatherFor)) {
		return nil
	}
	for i := range f.mates {
		m := &f.mates[i]
		eligible := m.Peers > 0 && now.Sub(m.heard) < mateSilence && f.lacks(m, now)
		if eligible && (best == nil || m.before(best)) {
			best = m
		}
	}
	return best
}

// lacks reports whether peers of a mate are lacking, and it may be asked for them again.
func (f *filling) lacks(m *mate, now time.Time) bool {
	rested := m.told.IsZero() || now.Sub(m.told) >= gapRest
	return !f.whole && f.early(now) || m.gap && rested
}

// before reports whether m is asked rather than o: one that has not failed, then one
// that has all peers itself, then the one with most.
func (m *mate) before(o *mate) bool {
	switch {
	case m.failures != o.failures:
		return m.failures < o.failures
	case m.Filling != o.Filling:
		return o.Filling
	}
	return m.Peers > o.Peers
}

// hello says hello if it is time.
func (f *filling) hello(now time.Time) []fillAction {
	asks := f.seeks(now) && !now.Before(f.seek)
	if !asks && now.Before(f.greet) {
		return nil
	}
	if asks {
		f.seek = now.Add(seekEvery)
		if f.ready {
			f.seek = now.Add(seekLater)
		}
	}
	f.greeted, f.greet = now, now.Add(f.interval)
	return []fillAction{{kind: fillGreet, asks: asks}}
}

// seeks reports whether others are to say hello.
func (f *filling) seeks(now time.Time) bool {
	return f.early(now) && (f.state == seeking || f.state == asking)
}

// readyTime returns when the instance is ready, if nothing else happens.
func (f *filling) readyTime() time.Time {
	longest := f.began.Add(fillLongest)
	if alone := f.hopeful.Add(mateSilence); f.state == seeking && alone.Before(longest) {
		return alone
	}
	return longest
}

// next returns when the next step with fillTick can lead to something.
func (f *filling) next(now time.Time) time.Time {
	next := f.greet
	sooner := func(t time.Time, waits bool) {
		if waits && t.Before(next) {
			next = t
		}
	}
	sooner(now, (f.state == seeking || f.state == filled) && f.choose(now) != nil)
	sooner(f.seek, f.seeks(now))
	sooner(f.due, f.state == asking || f.state == receiving)
	sooner(f.readyTime(), !f.ready)
	sooner(f.began.Add(gatherFor), now.Before(f.began.Add(gatherFor)))
	sooner(f.began.Add(fillLongest), f.early(now)) // stops are not remembered any longer
	return next
}
