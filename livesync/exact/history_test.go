package exact

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"math"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keeptrack/cmd/testenv"
	"keeptrack/tracker"
)

// history lets chance act on a group, and returns what happened.
func history(seed uint64, broken string) *world {
	w := newWorld(seed, broken)
	r := w.rng
	for range 2 + r.IntN(5) {
		var h tracker.InfoHash
		h[0], h[1], h[19] = byte(r.IntN(2)*0x51), byte(r.IntN(3)), byte(len(w.torrents))
		w.torrents = append(w.torrents, h)
	}
	w.jitter = [...]time.Duration{50 * time.Millisecond, time.Second, 20 * time.Second, 20 * time.Second}[r.IntN(4)]
	w.hold = w.jitter
	for i := range 2 + r.IntN(4) {
		name := "m" + strconv.Itoa(i)
		w.add(name, newMember(w, name, disk{}))
	}
	if r.Float64() < 0.2 { // its access list is another one than the others'
		m := w.nodes["m1"].(*member)
		m.refuses = map[tracker.InfoHash]bool{w.torrents[0]: true, w.torrents[1]: true}
		m.table.refuses = m.refuses
	}
	strange := r.Float64() < 0.25
	if strange {
		w.add("s", newStranger(w, "s"))
	} else if r.Float64() < 0.15 {
		w.jitter = 3 * interval // far beyond what the transport promises
	}
	for range 3 {
		w.run(w.now.Add(interval))
	}
	w.loss = [...]float64{0, 0.05, 0.2, 0.3}[r.IntN(4)]
	l := &life{world: w, strange: strange, quiet: make(map[tracker.InfoHash]int)}
	for step := range 30 + r.IntN(270) {
		if l.step(step); w.bad != "" {
			return w
		}
	}
	l.end()
	return w
}

// life is a history under way.
type life struct {
	*world
	strange bool
	saved   []disk
	quiet   map[tracker.InfoHash]int // until which step nobody announces it
}

func (l *life) members() (ms []*member) {
	for _, name := range l.order {
		if m, ok := l.nodes[name].(*member); ok {
			ms = append(ms, m)
		}
	}
	return ms
}

func (l *life) some() node { return l.nodes[l.order[l.rng.IntN(len(l.order))]] }

func (l *life) step(step int) {
	r := l.rng
	var awake []tracker.InfoHash
	for _, h := range l.torrents {
		if r.Float64() < 0.01 {
			l.quiet[h] = step + int(timeout/interval) - 10 + r.IntN(30)
		}
		if l.quiet[h] <= step {
			awake = append(awake, h)
		}
	}
	end := l.now.Add(interval)
	if len(awake) > 0 {
		for n := r.IntN(5); n > 0; n-- {
			l.some().completed(awake[r.IntN(len(awake))])
			l.run(l.now.Add(time.Duration(r.Int64N(int64(end.Sub(l.now)/2) + 1))))
		}
	}
	for _, h := range awake {
		if r.Float64() < 0.9 {
			n := l.some()
			before := n.total(h)
			n.announced(h)
			if before == 0 && l.letGo[h] {
				l.brought++
			}
		}
	}
	l.happen(step)
	ms := l.members()
	if r.Float64() < 0.3 {
		ms[r.IntN(len(ms))].checkpoint()
	}
	l.run(end)
}

// happen lets something happen to an instance or the network.
func (l *life) happen(step int) {
	r, ms := l.rng, l.members()
	m := ms[r.IntN(len(ms))]
	name := strconv.Itoa(step)
	switch e := r.Float64(); {
	case e < 0.05:
		for _, n := range l.order {
			l.side[n] = r.IntN(2)
		}
	case e < 0.06:
		l.deaf[[2]string{l.order[r.IntN(len(l.order))], m.name}] = true
	case e < 0.12:
		clear(l.side)
		clear(l.deaf)
	case e < 0.16: // a clean restart
		m.checkpoint()
		m.start(false)
	case e < 0.19 && !l.strange:
		m.crash()
	case e < 0.21:
		m.checkpoint()
		l.saved = append(l.saved, m.backup())
	case e < 0.23 && len(l.saved) > 0 && !l.strange: // an old backup is restored
		was := m.disk.state.Present
		m.disk = l.saved[r.IntN(len(l.saved))].clone()
		m.disk.state.Ended = append(m.disk.state.Ended[:len(m.disk.state.Ended):len(m.disk.state.Ended)], was)
		m.start(false)
		l.lost, l.setBack = true, true
	case e < 0.235 && !l.strange: // the disk is lost
		m.disk = disk{}
		m.start(false)
		l.lost, l.setBack = true, true
	case e < 0.24 && len(l.order) < 7 && !l.strange: // a copy is started beside the original
		m.checkpoint()
		l.add("c"+name, newMember(l.world, "c"+name, m.disk.clone()))
		l.lost, l.setBack = true, true
	case e < 0.25 && len(l.order) < 7:
		l.world.apart = l.world.apart || l.strange && l.split()
		l.add("n"+name, newMember(l.world, "n"+name, disk{}))
	case e < 0.255:
		l.setBack = l.setBack || m.refuses != nil
		m.refuses, m.table.refuses = nil, nil
		m.group.TakeAll()
	case e < 0.265:
		if s, ok := l.nodes["s"].(*stranger); ok {
			l.world.apart = l.world.apart || l.split()
			l.nodes["s"] = s.upgrade()
		}
	}
}

// split says that the group is in two parts. Instances that begin then, and hear a
// stranger but none of the members that it had heard, may take what it tells for
// nobody's.
func (l *life) split() bool {
	for _, n := range l.order {
		if l.side[n] != l.side[l.order[0]] {
			return true
		}
	}
	return false
}

// end makes the network whole and looks at what must be so then.
func (l *life) end() {
	w := l.world
	clear(w.side)
	clear(w.deaf)
	w.loss, w.jitter = 0, 50*time.Millisecond
	in := settle + int(6*w.retry()/interval)
	if l.setBack { // an origin may be gone that nobody calls ended: it is looked for once it has been silent
		in += presentFor
	}
	w.calm(in)
	if w.bad != "" {
		return
	}
	l.checkEqual(false)
	w.calm(int(unsettled/interval) + 4)
	l.checkEqual(true)
	ms := l.members()
	for _, m := range ms {
		if n := len(m.group.ended); n > len(ms) && !l.lost {
			w.failf("left over: %d origins not folded at %s", n, m.name)
		}
	}
	if w.seed%20 == 0 {
		l.longAfter()
	}
}

// checkEqual looks that all members show the same, and no less than cannot have been
// lost. all takes in torrents that were let go: at which moment differs.
func (l *life) checkEqual(all bool) {
	w, ms := l.world, l.members()
	for _, h := range w.torrents {
		low, high := uint64(math.MaxUint64), uint64(0)
		for _, m := range ms {
			if !m.refuses[h] {
				low, high = min(low, m.total(h)), max(high, m.total(h))
			}
		}
		switch {
		case low != high && (all || !w.letGo[h]):
			w.failf("differ: %d to %d of %d for %s, let go %v%s", low, high, w.truth[h], h, w.letGo[h], w.dump(h))
		case !l.lost && !l.strange && !w.letGo[h] && low < w.least(h):
			w.failf("lost: %d, at least %d of %d for %s%s", low, w.least(h), w.truth[h], h, w.dump(h))
		}
	}
}

// settle is how many intervals after the network is whole all must be in step, and a few
// questions that were lost are asked again.
const settle = 4

// calm lets intervals pass in which all torrents are announced.
func (w *world) calm(intervals int) {
	for range intervals {
		for _, h := range w.torrents {
			w.nodes[w.order[w.rng.IntN(len(w.order))]].announced(h)
		}
		w.run(w.now.Add(interval))
	}
}

// longAfter looks that nothing is left of dead origins when every member that does not
// come back has been away for long.
func (l *life) longAfter() {
	w := l.world
	w.calm(int(away/interval) + 30)
	ms := l.members()
	own := make(map[Origin]bool)
	for _, m := range ms {
		own[m.group.ledger.Own()] = true
	}
	for _, m := range ms {
		for _, c := range m.table.of {
			for o := range c.parts {
				if !own[o] && !m.group.ended[o] {
					w.failf("left over: parts of %s at %s", o, m.name)
				}
			}
		}
		if len(m.group.ended) > len(ms) {
			w.failf("left over: %d origins not folded at %s long after", len(m.group.ended), m.name)
		}
		for _, h := range w.torrents {
			if a, b := m.total(h), ms[0].total(h); a != b && !m.refuses[h] && !ms[0].refuses[h] {
				w.failf("differ: long after, %d and %d for %s", a, b, h)
			}
		}
	}
}

// tally is what happened in many histories.
type tally struct {
	histories, folded, held, letGo, brought int
	bad                                     []string // what was violated, by seed
}

// run runs histories from the seed first on.
func run(first, count int, broken string) (t tally) {
	var mu sync.Mutex
	var workers sync.WaitGroup
	var next atomic.Int64
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for k := int(next.Add(1)); k <= count; k = int(next.Add(1)) {
				w := history(uint64(first+k-1), broken)
				mu.Lock()
				t.add(w)
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	return t
}

func (t *tally) add(w *world) {
	count := func(n *int, is bool) {
		if is {
			*n++
		}
	}
	t.histories++
	count(&t.folded, w.folds > 0)
	count(&t.held, w.held > 0)
	count(&t.letGo, len(w.letGo) > 0)
	count(&t.brought, w.brought > 0)
	if w.bad != "" {
		t.bad = append(t.bad, fmt.Sprintf("seed %d: %s", w.seed, w.bad))
	}
}

var (
	firstSeed = flag.Int("first", 1, "first seed of TestAnyHistory")
	histories = flag.Int("histories", 0, "number of histories of TestAnyHistory; 0: 20, or 2,000 with -long")
)

// TestAnyHistory lets chance act on groups, and checks at every step that no count is
// above the truth, and at the end that all are equal and nothing was lost.
func TestAnyHistory(t *testing.T) {
	n := run(*firstSeed, cmp.Or(*histories, testenv.Pick(20, 2000)), "")
	for _, bad := range n.bad {
		t.Error(bad)
	}
	t.Logf("%d histories: %d folded, %d were held up, %d let torrents go, %d brought some back", n.histories, n.folded, n.held, n.letGo, n.brought)
}

// TestHistoriesRepeat looks that a seed always gives the same history.
func TestHistoriesRepeat(t *testing.T) {
	for seed := range uint64(5) {
		a, b := history(seed, ""), history(seed, "")
		if !maps.Equal(a.sent, b.sent) || !maps.Equal(a.truth, b.truth) || a.origins != b.origins {
			t.Errorf("seed %d: %v and %v", seed, a.sent, b.sent)
		}
	}
}
