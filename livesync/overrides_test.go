package livesync

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/cmd/testenv"
	"keeptrack/livesync/transport/memory"
	"keeptrack/livesync/wire"
	"keeptrack/tracker"
	"keeptrack/tracker/override"
)

// held are overrides in memory.
type held struct {
	mu       sync.Mutex
	set      override.Set
	label    override.Label
	skew     time.Duration // of its clock
	agreed   time.Time
	err      error // what the disk says
	capacity int
	gaveUp   int
	takes    time.Duration // how long Take does
	taken    int           // times that it took something in
}

func newHeld() *held { return &held{capacity: override.Capacity, label: override.Label{1}} }

func (h *held) Label() override.Label { return h.label }

func (h *held) Digests() override.Digests {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.set.Digests()
}

func (h *held) From(from tracker.InfoHash, limit int, dst []override.Override) []override.Override {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.set.From(from, limit, dst)
}

func (h *held) Take(heard []override.Override, _ wire.ID) (taken, full int, err error) {
	time.Sleep(h.takes)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err != nil {
		return 0, 0, h.err
	}
	for i := range heard {
		_, there := h.set.Find(heard[i].InfoHash)
		switch {
		case !h.set.Takes(&heard[i]):
		case !there && h.set.Len() >= h.capacity:
			full++
		default:
			h.set.Put(heard[i])
			taken++
		}
	}
	h.taken += min(taken, 1)
	return taken, full, nil
}

func (h *held) Prune(time.Time) error { return nil }
func (h *held) Agreed() time.Time     { h.mu.Lock(); defer h.mu.Unlock(); return h.agreed }
func (h *held) Agree(now time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.agreed = now
	return nil
}

func (h *held) GiveUp(now time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, o := range h.set.From(tracker.InfoHash{}, math.MaxInt, nil) {
		if o.Time < override.Stamp(now.Add(-override.Lifetime)) {
			h.set.Remove(o.InfoHash)
			h.gaveUp++
		}
	}
	return nil
}

// decide makes an override.
func (h *held) decide(hash tracker.InfoHash, d override.Decision) override.Override {
	h.mu.Lock()
	defer h.mu.Unlock()
	o := override.Override{InfoHash: hash, Decision: d, Origin: h.label, Time: override.Stamp(time.Now().Add(h.skew))}
	if old, there := h.set.Find(hash); there {
		o.Time = max(o.Time, old.Time+1)
	}
	h.set.Put(o)
	return o
}

func (h *held) all() []override.Override { return h.From(tracker.InfoHash{}, math.MaxInt, nil) }

// startHeld starts an instance with a key and overrides.
func startHeld(t testing.TB, n *memory.Network, o Options, h *held) *instance {
	t.Helper()
	if o.Keys == nil {
		o.Keys = keysOf(t, 1)
	}
	o.Overrides = h
	return start(t, n, o)
}

// wantEqual fails the test unless all have the same overrides as the first.
func wantEqual(t *testing.T, what string, all ...*held) {
	t.Helper()
	for k, h := range all[1:] {
		if !slices.Equal(h.all(), all[0].all()) {
			t.Errorf("%s: instance %d has %v, the first %v", what, k+1, h.all(), all[0].all())
		}
	}
}

// TestAnOverrideReachesAllAtOnce, and a lost one within two seconds.
func TestAnOverrideReachesAllAtOnce(t *testing.T) {
	for name, lost := range map[string]bool{"no packet is lost": false, "the packet is lost": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(1, lan)
				a, b, c := newHeld(), newHeld(), newHeld()
				first, second, third := startHeld(t, n, defaults(), a), startHeld(t, n, defaults(), b), startHeld(t, n, defaults(), c)
				time.Sleep(10 * time.Second)
				if lost {
					n.SetAll(memory.Link{Cut: true})
				}
				for _, d := range []override.Decision{override.Serve, override.Refuse} {
					first.SpreadOverride(a.decide(testHash, d))
				}
				synctest.Wait()
				n.SetAll(lan)
				time.Sleep(2 * lan.Latency)
				if lost {
					time.Sleep(2 * time.Second)
				}
				synctest.Wait()
				if o, there := b.set.Find(testHash); !there || o.Decision != override.Refuse || o.Origin != a.label {
					t.Errorf("got %+v", o)
				}
				wantEqual(t, name, a, b, c)
				if s := second.Stats(); s.OverridesTaken == 0 || s.In[wire.KindOverrides].Records == 0 {
					t.Errorf("counted are %+v", s)
				}
				stopAll(t, first, second, third)
			})
		})
	}
}

// TestOverridesOfANewcomer: it has all after some packets' time, at the pace, and so
// have the others.
func TestOverridesOfANewcomer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(1, lan)
		a, b := newHeld(), newHeld()
		for i := range 20_000 {
			h := tracker.InfoHash{}
			binary.BigEndian.PutUint32(h[:], uint32(i)*2654435761)
			a.decide(h, override.Refuse)
		}
		b.decide(testHash, override.Serve)
		first := startHeld(t, n, defaults(), a)
		time.Sleep(90 * time.Second)
		sent := capture(t, n)
		began := time.Now()
		second := startHeld(t, n, defaults(), b)
		for len(b.all()) < 20_001 && time.Since(began) < time.Minute {
			time.Sleep(10 * time.Millisecond)
		}
		more := capture(t, n) // nothing is added to sent any more
		packets := len(only(*sent, wire.KindOverrides))
		full := (20_001 + 42) / wire.KindOverrides.Records(maxPacket-wire.SealOverhead)
		if took, pace := time.Since(began), time.Duration(packets)*time.Second*answerShare/1000; took < pace-time.Second || took > pace+time.Second {
			t.Errorf("%d packets took %s", packets, took)
		}
		if packets > full+5 {
			t.Errorf("%d packets, full ones would be %d", packets, full)
		}
		wantEqual(t, "after the start", a, b)
		// From then on there are digests and nothing else.
		time.Sleep(12 * time.Minute)
		stopAll(t, first, second)
		calm := slices.DeleteFunc(*more, func(p heardPacket) bool { return p.at < 2*time.Minute })
		for _, p := range calm {
			if p.Kind == wire.KindOverrides || p.Kind == wire.KindOverrideAsk {
				t.Errorf("sent %s when all have the same", p)
			}
		}
		if n := len(only(calm, wire.KindOverrideDigest)); n < 19 || n > 21 {
			t.Errorf("%d digests of two instances in 10 minutes", n)
		}
	})
}

// TestOverridesAreTakenInTogether: a slow disk is busy for a tenth of the time, and the
// last of them is in force within two seconds.
func TestOverridesAreTakenInTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(1, lan)
		a, b := newHeld(), newHeld()
		b.takes = 20 * time.Millisecond
		first, second := startHeld(t, n, defaults(), a), startHeld(t, n, defaults(), b)
		time.Sleep(10 * time.Second)
		began := time.Now()
		for k := range 1000 {
			first.SpreadOverride(a.decide(tracker.InfoHash{byte(k), byte(k >> 8)}, override.Refuse))
			time.Sleep(4 * time.Millisecond)
		}
		took := time.Since(began)
		time.Sleep(longestRest + 2*b.takes)
		synctest.Wait()
		wantEqual(t, "after the last", a, b)
		// A digest that comes between two packets divides what is taken in together.
		if rests := int(took / (restShare * b.takes)); b.taken > 2*rests || b.taken < rests/2 {
			t.Errorf("taken in %d times in %s, with %d rests", b.taken, took, rests)
		}
		stopAll(t, first, second)
	})
}

// TestOverridesNeedAKey: without one nothing is sent or taken in; where there is one,
// nothing that is not sealed, whatever accept_plain says.
func TestOverridesNeedAKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(1, lan)
		sent := capture(t, n)
		o := defaults()
		a := newHeld()
		o.Overrides = a
		plain := start(t, n, o)
		o = sealed(keysOf(t, 1))
		o.AcceptPlain = true
		b := newHeld()
		keyed := startHeld(t, n, o, b)
		forged := override.Override{InfoHash: testHash, Decision: override.Refuse, Time: 1}
		plain.SpreadOverride(a.decide(testHash, override.Refuse))
		time.Sleep(3 * time.Minute)
		capture(t, n) // nothing is added to sent any more
		for _, p := range *sent {
			if p.From == plain.ID() && p.Kind.SealedOnly() {
				t.Errorf("without a key %s is sent", p)
			}
		}
		before := keyed.Stats().Drops[DropPlain]
		plain.sendToAll(wire.KindOverrides, forged.Append(wire.AppendHeader(nil, plain.ID(), wire.KindOverrides)))
		time.Sleep(2 * lan.Latency)
		if n := keyed.Stats().Drops[DropPlain] - before; len(b.all()) != 0 || n != 1 {
			t.Errorf("%v taken in, %d dropped", b.all(), n)
		}
		if c := plain.Cluster(); c.Overrides != nil {
			t.Errorf("without a key: %+v", c.Overrides)
		}
		stopAll(t, plain, keyed)
	})
}

// sealedBy returns a packet as an instance with a key sends it.
func sealedBy(t testing.TB, k *wire.Keys, p []byte) []byte {
	t.Helper()
	var nonce [wire.NonceSize]byte
	binary.BigEndian.PutUint64(nonce[:], stamp(time.Now()))
	return k.Seal(nil, p, &nonce)
}

// TestOverridesThatAreNotBelieved are dropped and counted, and others of the packet
// taken in.
func TestOverridesThatAreNotBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := keysOf(t, 1)
		o, h := sealed(keys), newHeld()
		o.Overrides = h
		var log strings.Builder
		o.Log = zerolog.New(&log)
		i := quietNode(t, o)
		now := time.Now()
		good := override.Override{InfoHash: tracker.InfoHash{1}, Decision: override.Refuse, Time: stamp(now.Add(MaxSkew))}
		ahead := override.Override{InfoHash: tracker.InfoHash{2}, Decision: override.Refuse, Time: stamp(now.Add(MaxSkew)) + 1}
		local := override.Override{InfoHash: tracker.InfoHash{3}, Decision: override.LocalAdded, Time: 1}
		unknown := override.Override{InfoHash: tracker.InfoHash{4}, Decision: 3, Time: 1}
		p := wire.AppendHeader(nil, wire.ID{9}, wire.KindOverrides)
		for _, o := range []override.Override{ahead, local, good, unknown} {
			p = o.Append(p)
		}
		i.receive(sealedBy(t, keys, p), node, now)
		i.lookAtHeard(make([]byte, 0, maxPacket))
		if all := h.all(); !slices.Equal(all, []override.Override{good}) {
			t.Errorf("taken in are %v", all)
		}
		d := i.Stats().Drops
		if d[DropBadOverride] != 2 || d[DropOverrideAhead] != 1 || !strings.Contains(log.String(), "Are the clocks right?") {
			t.Errorf("counted are %v, the log says %s", d, &log)
		}
	})
}

// TestOverridesThatDoNotFit are counted, and asked for less and less often.
func TestOverridesThatDoNotFit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(1, lan)
		sent := capture(t, n)
		a, b := newHeld(), newHeld()
		for k := range 40 {
			a.decide(tracker.InfoHash{byte(k)}, override.Refuse)
		}
		b.capacity = 10
		first, second := startHeld(t, n, defaults(), a), startHeld(t, n, defaults(), b)
		time.Sleep(10 * time.Hour)
		capture(t, n) // nothing is added to sent any more
		asks := only(*sent, wire.KindOverrideAsk)
		fromSecond := 0
		for _, p := range asks {
			if p.From == second.ID() {
				fromSecond++
			}
		}
		if fromSecond < 2*5 || fromSecond > 2*40 {
			t.Errorf("%d packets ask in 10 hours", fromSecond)
		}
		if second.Stats().Drops[DropFull] == 0 || len(b.all()) != 10 {
			t.Errorf("%d of 10, %d did not fit", len(b.all()), second.Stats().Drops[DropFull])
		}
		c := second.Cluster()
		if c.Overrides.Unlike != 1 || c.Instances[0].Overrides.Equal || time.Since(c.Instances[0].Overrides.Since) < 9*time.Hour {
			t.Errorf("the cluster is %+v, %+v", c.Overrides, c.Instances[0].Overrides)
		}
		b.mu.Lock()
		b.capacity = override.Capacity
		b.mu.Unlock()
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		wantEqual(t, "with room", a, b)
		if c := second.Cluster(); c.Overrides.Unlike != 0 || !c.Instances[0].Overrides.Equal {
			t.Errorf("the cluster is %+v, %+v", c.Overrides, c.Instances[0].Overrides)
		}
		stopAll(t, first, second)
	})
}

// TestOverridesAndTheDisk: what is not kept is logged once and comes again.
func TestOverridesAndTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(1, lan)
		a, b := newHeld(), newHeld()
		b.err = errors.New("no room on the disk")
		var log strings.Builder
		o := defaults()
		first := startHeld(t, n, o, a)
		o.Log = zerolog.New(&log)
		second := startHeld(t, n, o, b)
		for k := range 3 {
			first.SpreadOverride(a.decide(tracker.InfoHash{byte(k)}, override.Refuse))
			time.Sleep(10 * time.Minute)
		}
		b.mu.Lock()
		b.err = nil
		b.mu.Unlock()
		time.Sleep(time.Hour)
		synctest.Wait()
		wantEqual(t, "with a disk that works", a, b)
		stopAll(t, first, second)
		if text := log.String(); strings.Count(text, "cannot store") != 1 {
			t.Errorf("the log says %s", text)
		}
	})
}

// TestOverridesAfterAYear: who was away for longer takes the group's state; when
// nobody was with a group, all stays.
func TestOverridesAfterAYear(t *testing.T) {
	for name, c := range map[string]struct {
		otherAgreed time.Duration // ago
		want        int           // of what the one that was away has
	}{
		"the other was with the group": {time.Hour, 1},
		"the other was alone as well":  {400 * 24 * time.Hour, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(1, lan)
				a, b := newHeld(), newHeld()
				b.agreed, a.agreed = time.Now().Add(-400*24*time.Hour), time.Now().Add(-c.otherAgreed)
				b.skew = -390 * 24 * time.Hour
				b.decide(tracker.InfoHash{1}, override.Refuse) // dropped in the group meanwhile, and forgotten
				b.skew = 0
				b.decide(tracker.InfoHash{2}, override.Refuse)
				first, second := startHeld(t, n, defaults(), a), startHeld(t, n, defaults(), b)
				time.Sleep(3 * time.Minute)
				synctest.Wait()
				if len(b.all()) != c.want || b.gaveUp != 2-c.want || a.gaveUp != 0 {
					t.Errorf("%v, %d given up, %d by the other", b.all(), b.gaveUp, a.gaveUp)
				}
				wantEqual(t, "after some intervals", a, b)
				stopAll(t, first, second)
			})
		})
	}
}

// TestOverridesInAnyHistory lets chance act on groups of instances: after any
// history, three intervals of a whole network make all overrides equal, each the
// latest that anybody had.
func TestOverridesInAnyHistory(t *testing.T) {
	var moved, runs atomic.Int64
	t.Run("seed", func(t *testing.T) {
		for seed := 1; seed <= testenv.Pick(200, 3000); seed++ {
			t.Run(strconv.Itoa(seed), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					if randomOverrides(t, uint64(seed)) {
						moved.Add(1)
					}
					runs.Add(1)
				})
			})
		}
	})
	t.Logf("of %d groups %d had to be repaired at the end", runs.Load(), moved.Load())
	if moved.Load() < runs.Load()/20 {
		t.Error("hardly anything had to be repaired: this shows nothing")
	}
}

// overridesWorld is a group of instances with overrides.
type overridesWorld struct {
	t       *testing.T
	rng     *rand.Rand
	net     *memory.Network
	options Options
	members []*overridesMember
}

// overridesMember is an instance over all of its restarts.
type overridesMember struct {
	*instance                     // nil while it is down
	held      *held               // on its disk
	backup    []override.Override // what it once had
	floors    map[[4]byte]uint64
}

// randomOverrides reports whether the group was unequal before the network was whole.
func randomOverrides(t *testing.T, seed uint64) (repaired bool) {
	w := &overridesWorld{t: t, rng: rand.New(rand.NewPCG(seed, 7)), options: sealed(keysOf(t, 1))}
	w.options.BeaconInterval = 10 * time.Second
	w.options.TellRate = 100 + w.rng.IntN(1000)
	limits := lanLimits
	if seed%3 == 0 {
		limits.MaxPacket = wire.SmallestPacket + wire.SealOverhead
	}
	w.net = memory.New(memory.Options{Seed: seed, Limits: limits, Link: w.link(), Broadcast: seed%2 == 0})
	for k := range 2 + w.rng.IntN(4) {
		h := newHeld()
		h.label = override.Label{byte(k + 1)}
		h.skew = time.Duration(w.rng.Int64N(int64(4*time.Minute))) - 2*time.Minute
		w.members = append(w.members, &overridesMember{held: h})
		w.start(w.members[k])
	}
	for range 60 {
		time.Sleep(time.Duration(w.rng.Int64N(int64(3 * time.Second))))
		w.act()
	}
	want, unequal := w.union()
	w.net.SetAll(lan)
	for _, m := range w.members {
		if m.instance == nil {
			w.start(m)
		}
	}
	time.Sleep(3 * w.options.BeaconInterval)
	synctest.Wait()
	for k, m := range w.members {
		if got := m.held.all(); !slices.Equal(got, want) {
			t.Errorf("seed %d: instance %d has %v, want %v", seed, k, got, want)
		}
		m.stop(t)
	}
	return unequal
}

// link returns a link as bad as chance wants, or none.
func (w *overridesWorld) link() memory.Link {
	l := randomLink(w.rng)
	l.Cut = w.rng.IntN(4) == 0
	return l
}

func (w *overridesWorld) start(m *overridesMember) {
	o := w.options
	binary.BigEndian.PutUint32(o.ID[:], w.rng.Uint32()|1)
	o.ReplayFloors = m.floors
	m.instance = startHeld(w.t, w.net, o, m.held)
}

// act lets one thing happen.
func (w *overridesWorld) act() {
	m := w.members[w.rng.IntN(len(w.members))]
	switch p := w.rng.IntN(100); {
	case m.instance == nil:
		if p < 60 {
			w.start(m)
		}
	case p < 65:
		h := tracker.InfoHash{byte(w.rng.IntN(3) * 100), 19: byte(w.rng.IntN(4))}
		m.SpreadOverride(m.held.decide(h, override.Decision(w.rng.IntN(3))))
	case p < 70:
		m.backup = m.held.all()
	case p < 75: // down, and maybe up again with an older disk
		if w.rng.IntN(2) == 0 {
			_ = m.port.Close() // a crash: what it holds is not sent
		}
		m.stop(w.t)
		m.floors = m.ReplayFloors()
		m.instance = nil
		if w.rng.IntN(3) == 0 {
			m.held.set = override.Set{}
			for _, o := range m.backup {
				m.held.set.Put(o)
			}
		}
	case p < 92:
		ports := w.net.Ports()
		w.net.SetLink(ports[w.rng.IntN(len(ports))], m.port, w.link())
	default:
		w.net.SetAll(w.link())
	}
}

// union returns the latest overrides that anybody has, and whether they differ.
func (w *overridesWorld) union() (all []override.Override, differ bool) {
	var set override.Set
	for _, m := range w.members {
		for _, o := range m.held.all() {
			if set.Takes(&o) {
				set.Put(o)
			}
		}
	}
	all = set.From(tracker.InfoHash{}, math.MaxInt, nil)
	return all, slices.ContainsFunc(w.members, func(m *overridesMember) bool { return !slices.Equal(m.held.all(), all) })
}

// TestABusyQueueDropsAndCounts packets that wait for the disk.
func TestABusyQueueDropsAndCounts(t *testing.T) {
	keys := keysOf(t, 1)
	o, h := sealed(keys), newHeld()
	o.Overrides = h
	i := quietNode(t, o)
	at := time.Now()
	for k := range maxHeard + 3 {
		var nonce [wire.NonceSize]byte
		binary.BigEndian.PutUint64(nonce[:], stamp(at)+uint64(k))
		d := override.Override{InfoHash: tracker.InfoHash{byte(k), byte(k >> 8)}, Decision: override.Serve, Time: 1}
		i.receive(keys.Seal(nil, d.Append(wire.AppendHeader(nil, wire.ID{9}, wire.KindOverrides)), &nonce), node, at)
	}
	i.lookAtHeard(make([]byte, 0, maxPacket))
	if n := i.Stats().Drops[DropBusy]; n != 3 || len(h.all()) != maxHeard {
		t.Errorf("%d dropped, %d taken in", n, len(h.all()))
	}
}

// FuzzHearOverrides: whatever a member with the key sends about overrides, there is no
// panic, and what spreads afterwards is what may.
func FuzzHearOverrides(f *testing.F) {
	for _, body := range []string{"", "\x00", strings.Repeat("\x02", override.Size)} {
		for kind := range byte(3) {
			f.Add(kind, []byte(body))
		}
	}
	keys := keysOf(f, 1)
	f.Fuzz(func(t *testing.T, kind byte, body []byte) {
		o, h := sealed(keys), newHeld()
		o.Overrides = h
		h.decide(testHash, override.Refuse)
		i := quietNode(t, o)
		k := wire.KindOverrides + wire.Kind(kind%3)
		p := wire.AppendHeader(nil, wire.ID{9}, k)
		if k == wire.KindOverrideAsk {
			id := i.ID()
			p = append(p, id[:]...)
		}
		now := time.Now()
		i.receive(sealedBy(t, keys, append(p, body...)), node, now)
		buf := make([]byte, 0, i.options.room(maxPacket))
		i.lookAtHeard(buf)
		for range 5 {
			i.answerOn(buf, now)
			now = now.Add(time.Second)
		}
		for _, o := range h.all() {
			if !o.Decision.Spreads() || o.Time > stamp(now.Add(MaxSkew)) {
				t.Errorf("taken in: %s", fmt.Sprint(o))
			}
		}
		if i.overrides.answers.left > 0 {
			t.Errorf("%d ranges are still to be told", i.overrides.answers.left)
		}
	})
}
