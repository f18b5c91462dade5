package livesync

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"keeptrack/cmd/testenv"
	"keeptrack/livesync/transport"
	"keeptrack/livesync/transport/memory"
	"keeptrack/livesync/wire"
	"keeptrack/tracker"
)

// world is a group of instances with what has truly happened to it.
type world struct {
	t       *testing.T
	seed    uint64
	rng     *rand.Rand
	net     *memory.Network
	options Options
	limit   int // of what is owed

	torrents  []tracker.InfoHash
	completed map[tracker.InfoHash]uint64 // downloads ever completed
	clients   map[client]bool             // those that have completed their download
	members   []*member
}

// client is a peer's port in a torrent.
type client struct {
	torrent tracker.InfoHash
	port    int
}

// member is an instance over all of its restarts.
type member struct {
	*instance                                     // nil while it is down
	upAt      time.Time                           // when it is down: when it starts again
	stored    map[tracker.InfoHash]tracker.Record // what its database has
	floors    map[[4]byte]uint64                  // and of sealed packets
	seen      map[tracker.InfoHash]uint64         // counts as last looked at
}

// unrepaired adds up over all runs what was still missing at the end.
type unrepaired struct{ pairs, absent, low atomic.Int64 }

// TestAnyHistory lets chance act on groups of instances, and checks after any
// history that counts never went down and never exceeded what was completed,
// and that once the network is whole nobody below the threshold stays there
// and nobody is stuck.
func TestAnyHistory(t *testing.T) {
	runs := testenv.Pick(500, 2000)
	var u unrepaired
	t.Run("seed", func(t *testing.T) {
		for seed := 1; seed <= runs; seed++ {
			t.Run(strconv.Itoa(seed), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { randomRun(t, uint64(seed), &u) })
			})
		}
	})
	share := func(n int64) string { return fmt.Sprintf("%.3f %%", 100*float64(n)/float64(max(u.pairs.Load(), 1))) }
	t.Logf("%d runs: of %d torrents times instances, %s had no torrent that another had and %s a lower count than another, after the network was whole for %d intervals",
		runs, u.pairs.Load(), share(u.absent.Load()), share(u.low.Load()), calmIntervals)
}

// steps is the number of things that happen in a run.
const steps = 60

// calmIntervals is how many beacon intervals the network is whole at the end:
// enough for three unanswered inquiries, the rest of whoever was asked, another
// beacon, the wait for the inquiry, a tell and counter-tells with their rests.
const calmIntervals = 24

func randomRun(t *testing.T, seed uint64, u *unrepaired) {
	w := newWorld(t, seed)
	for step := range steps {
		time.Sleep(time.Duration(w.rng.Int64N(int64(2 * time.Second))))
		w.act()
		if step%8 == 0 {
			w.check()
		}
		if t.Failed() {
			break
		}
	}
	w.heal()
	time.Sleep(calmIntervals * w.options.BeaconInterval)
	w.check()
	w.checkCalm()
	w.measure(u)
	for _, m := range w.members {
		m.stop(t)
	}
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{
		t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 1)),
		options:   defaults(),
		limit:     maxOwed,
		completed: make(map[tracker.InfoHash]uint64),
		clients:   make(map[client]bool),
	}
	packet := wire.HeaderSize + 4*wire.Live6Size
	w.options.BeaconInterval = 10 * time.Second
	w.options.FirstBeaconDelay = 20 * time.Second
	w.options.TellRate = 50 + w.rng.IntN(1000)
	if seed%4 == 0 {
		w.options.Keys = keysOf(t, 1)
		packet += wire.SealOverhead
	}
	if w.rng.IntN(4) == 0 {
		w.limit = 1 + w.rng.IntN(5)
	}
	w.net = memory.New(memory.Options{
		Seed:      seed,
		Limits:    transport.Limits{MaxPacket: packet, ReorderWindow: lanLimits.ReorderWindow},
		Link:      randomLink(w.rng),
		Broadcast: seed%2 == 0,
	})
	for range 1 + w.rng.IntN(40) {
		var h tracker.InfoHash
		binary.BigEndian.PutUint64(h[:], w.rng.Uint64())
		w.torrents = append(w.torrents, h)
		w.completed[h] = 1 + w.rng.Uint64N(100)
	}
	for range 2 + min(w.rng.IntN(15), w.rng.IntN(15), w.rng.IntN(15), w.rng.IntN(15)) { // mostly few, for speed
		m := &member{stored: w.randomStore()}
		w.members = append(w.members, m)
		w.start(m)
	}
	return w
}

// randomLink returns a link as bad as chance wants. A packet is never underway
// for as long as the reorder window, nor as an instance is down.
func randomLink(rng *rand.Rand) memory.Link {
	return memory.Link{
		Latency:   time.Duration(rng.Int64N(int64(20 * time.Millisecond))),
		Jitter:    time.Duration(rng.Int64N(int64(60 * time.Millisecond))),
		Loss:      max(0, rng.Float64()*0.45-0.15),
		Duplicate: max(0, rng.Float64()*0.45-0.15),
	}
}

// randomStore returns what a database may have kept of the past: some of the
// torrents, with no more than what was completed.
func (w *world) randomStore() map[tracker.InfoHash]tracker.Record {
	stored := make(map[tracker.InfoHash]tracker.Record)
	share := w.rng.Float64()
	for _, h := range w.torrents {
		if w.rng.Float64() < share {
			last := uint32(minuteOf(time.Now())) - w.rng.Uint32N(1000)
			stored[h] = tracker.Record{InfoHash: h, LastAnnounce: last, Downloaded: 1 + w.rng.Uint64N(w.completed[h])}
		}
	}
	return stored
}

func (w *world) start(m *member) {
	o := w.options
	binary.BigEndian.PutUint32(o.ID[:], w.rng.Uint32()|1)
	o.ReplayFloors = m.floors
	m.instance = startNewcomer(w.t, w.net, o, slices.Collect(maps.Values(m.stored))...)
	m.scrape.owed.setLimit(w.limit)
	m.seen = make(map[tracker.InfoHash]uint64)
	for h, r := range m.stored {
		m.seen[h] = r.Downloaded
	}
}

// act lets one thing happen.
func (w *world) act() {
	for _, m := range w.members {
		if m.instance == nil && !time.Now().Before(m.upAt) {
			w.start(m)
		}
	}
	m := w.members[w.rng.IntN(len(w.members))]
	if m.instance == nil {
		return
	}
	switch p := w.rng.IntN(100); {
	case p < 75:
		w.announce(m)
	case p < 82:
		m.stored, m.floors = m.records(), m.ReplayFloors() // a checkpoint
	case p < 85:
		w.takeDown(m)
	case p < 92:
		w.net.SetLink(m.port, w.somePort(), randomLink(w.rng))
	case p < 96:
		w.partition()
	default:
		w.net.SetAll(randomLink(w.rng))
	}
}

// announce has a client announce, as clients do: it completes once.
func (w *world) announce(m *member) {
	c := client{w.torrents[w.rng.IntN(len(w.torrents))], 1 + w.rng.IntN(6)}
	left, e := uint64(1), tracker.EventNone
	if w.clients[c] {
		left = 0
	}
	switch w.rng.IntN(4) {
	case 0:
		e = tracker.EventStarted
	case 1:
		e = tracker.EventStopped
	default:
		if !w.clients[c] {
			left, e, w.clients[c] = 0, tracker.EventCompleted, true
		}
	}
	before := m.counts(c.torrent).Downloaded
	m.announce(c.torrent, fmt.Sprintf("192.0.2.1:%d", c.port), left, e)
	w.completed[c.torrent] += m.counts(c.torrent).Downloaded - before
}

// takeDown stops an instance, or has it crash: then nothing that it still holds
// is sent and its database has what the last checkpoint left.
func (w *world) takeDown(m *member) {
	if w.rng.IntN(2) == 0 {
		m.stop(w.t)
		m.stored, m.floors = m.records(), m.ReplayFloors()
	} else {
		if err := m.port.Close(); err != nil {
			w.t.Error(err)
		}
		m.stop(w.t)
	}
	m.instance = nil
	m.upAt = time.Now().Add(time.Second + time.Duration(w.rng.Int64N(int64(20*time.Second))))
}

func (w *world) somePort() *memory.Port {
	ports := w.net.Ports()
	return ports[w.rng.IntN(len(ports))]
}

// partition cuts the group in two.
func (w *world) partition() {
	var sides [2][]*memory.Port
	for _, m := range w.members {
		if m.instance != nil {
			s := w.rng.IntN(2)
			sides[s] = append(sides[s], m.port)
		}
	}
	for _, a := range sides[0] {
		for _, b := range sides[1] {
			w.net.SetLink(a, b, memory.Link{Cut: true})
			w.net.SetLink(b, a, memory.Link{Cut: true})
		}
	}
}

// heal makes the network whole and starts who is down.
func (w *world) heal() {
	w.net.SetAll(lan)
	for _, m := range w.members {
		if m.instance == nil {
			w.start(m)
		}
	}
}

// check looks at every count.
func (w *world) check() {
	for k, m := range w.members {
		if m.instance == nil {
			continue
		}
		for _, h := range w.torrents {
			got := m.counts(h).Downloaded
			if got < m.seen[h] {
				w.t.Errorf("seed %d: instance %d went from %d to %d for %s", w.seed, k, m.seen[h], got, h)
			}
			if got > w.completed[h] {
				w.t.Errorf("seed %d: instance %d counts %d for %s, of %d completed", w.seed, k, got, h, w.completed[h])
			}
			m.seen[h] = got
		}
		if s := m.Stats(); s.OutboxLost > 0 || s.TransportLost > 0 {
			w.t.Errorf("seed %d: instance %d lost records: %+v", w.seed, k, s)
		}
	}
}

// checkCalm looks at what must be so when the network has been whole for long.
func (w *world) checkCalm() {
	most := 0
	for _, m := range w.members {
		most = max(most, m.tracker.Torrents())
	}
	for k, m := range w.members {
		if n := m.tracker.Torrents(); float64(n) < w.options.InquireThreshold*float64(most) {
			w.t.Errorf("seed %d: instance %d has %d of %d torrents", w.seed, k, n, most)
		}
		c := m.Cluster()
		late := time.Until(c.NextBeacon) > w.options.BeaconInterval || time.Until(c.NextBeacon) < 0
		if c.Wanting != nil || c.Tell.Activity != quiet.String() || late || m.scrape.owed.any() {
			w.t.Errorf("seed %d: instance %d is stuck: %+v, wanting %+v", w.seed, k, c, c.Wanting)
		}
		if len(c.Instances) < len(w.members)-1 {
			w.t.Errorf("seed %d: instance %d knows %d of %d others", w.seed, k, len(c.Instances), len(w.members)-1)
		}
	}
}

// measure adds up what the protocol did not repair.
func (w *world) measure(u *unrepaired) {
	for _, h := range w.torrents {
		best := uint64(0)
		for _, m := range w.members {
			best = max(best, m.counts(h).Downloaded)
		}
		for _, m := range w.members {
			u.pairs.Add(1)
			if got := m.counts(h).Downloaded; got == 0 && best > 0 {
				u.absent.Add(1)
			} else if got < best {
				u.low.Add(1)
			}
		}
	}
}

func (o *owed) setLimit(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.limit = n
}
