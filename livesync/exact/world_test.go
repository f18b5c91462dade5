package exact

import (
	"container/heap"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"keeptrack/tracker"
)

// Times of a simulated group, in the measure that the months' histories are run in.
const (
	interval  = time.Minute
	timeout   = 60 * interval // torrents are let go after
	rotate    = 20 * interval
	away      = 400 * interval
	alone     = 40 * interval
	unsettled = 4 * interval // torrents are let go up to so much apart
)

// disk is what a member has on its disk.
type disk struct {
	records map[tracker.InfoHash]*counts
	state   State
}

func (d disk) clone() disk {
	c := disk{make(map[tracker.InfoHash]*counts), d.state}
	for h, r := range d.records {
		c.records[h] = r.clone()
	}
	return c
}

// node is an instance.
type node interface {
	total(h tracker.InfoHash) uint64
	completed(h tracker.InfoHash)
	announced(h tracker.InfoHash)
	hear(p packet)
	tick()
	due() time.Time
}

// packet is what a node sends: a message of the group, or a record of the original protocol's
// protocol.
type packet struct {
	from   string
	origin Origin
	m      Message // or:
	hash   tracker.InfoHash
	kind   kind
	marked bool
	totals []Record // of a TELL
}

type kind uint8

const (
	kindMessage kind = iota
	kindLive
	kindComplete
	kindTell
)

// flight is a packet under way.
type flight struct {
	at  time.Time
	seq int
	to  string
	p   packet
}

type flights []flight

func (f flights) Len() int { return len(f) }
func (f flights) Less(i, j int) bool {
	if !f[i].at.Equal(f[j].at) {
		return f[i].at.Before(f[j].at)
	}
	return f[i].seq < f[j].seq
}
func (f flights) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f *flights) Push(x any)   { *f = append(*f, x.(flight)) }
func (f *flights) Pop() any {
	old := *f
	x := old[len(old)-1]
	*f = old[:len(old)-1]
	return x
}

// part names a part of a torrent.
type part struct {
	hash   tracker.InfoHash
	origin Origin
}

// world is a group in a simulated network, with what truly happened to it.
type world struct {
	awaits  bool // all know of a member that was never heard
	seed    uint64
	rng     *rand.Rand
	now     time.Time
	broken  string // the rule that is left out
	order   []string
	nodes   map[string]node
	air     flights
	dues    map[string]time.Time // when each is to tick; unknown once it was touched
	seq     int
	origins uint64

	loss        float64
	jitter      time.Duration // a packet is under way for up to this long
	hold        time.Duration // the longest jitter of the history
	sizes       Sizes
	keepRecords int // of what was sent, to be sent again
	side        map[string]int
	deaf        map[[2]string]bool // from, to: one way only

	torrents   []tracker.InfoHash
	truth      map[tracker.InfoHash]uint64 // accepted completions
	issued     map[part]uint64             // by the member that counted
	kept       map[part]uint64             // on a disk
	received   map[part]uint64             // by another member
	crashed    map[Origin]bool             // ended by a crash
	crashes    int
	letGo      map[tracker.InfoHash]bool
	apart      bool // a stranger was upgraded while it was cut off: it may double what both sides counted
	lost       bool // a disk was lost, set back or copied
	setBack    bool // so it was, or an access list changed
	everFolded map[Origin]bool
	bad        string

	folds, held, brought int
	sent                 map[string]int // messages by type
	bytes                map[string]int
}

func newWorld(seed uint64, broken string) *world {
	w := &world{
		seed: seed, broken: broken, rng: rand.New(rand.NewPCG(seed, 1)), now: time.Unix(1e9, 0),
		jitter: 20 * time.Second, hold: 20 * time.Second,
		sizes: Sizes{Records: 3, Nodes: 4, Names: 3}, keepRecords: 60,
		nodes: make(map[string]node), side: make(map[string]int), deaf: make(map[[2]string]bool), dues: make(map[string]time.Time),
		truth: make(map[tracker.InfoHash]uint64), issued: make(map[part]uint64), kept: make(map[part]uint64),
		received: make(map[part]uint64), crashed: make(map[Origin]bool), letGo: make(map[tracker.InfoHash]bool),
		everFolded: make(map[Origin]bool), sent: make(map[string]int), bytes: make(map[string]int),
	}
	return w
}

// add has a node take part, or takes the place of one of that name.
func (w *world) add(name string, n node) {
	if _, ok := w.nodes[name]; !ok {
		w.order = append(w.order, name)
	}
	w.nodes[name] = n
}

func (w *world) newOrigin() (o Origin) {
	w.origins++
	binary.BigEndian.PutUint64(o[:], mix(w.origins^w.seed<<32))
	return o
}

func (w *world) failf(format string, a ...any) {
	if w.bad == "" {
		w.bad = fmt.Sprintf(format, a...)
	}
}

// send puts a packet on its way to all, or to those that take.
func (w *world) send(p packet, takes func(string, node) bool) {
	for _, name := range w.order {
		if name == p.from || !takes(name, w.nodes[name]) {
			continue
		}
		copies := 1
		if w.rng.Float64() < 0.05 && p.kind != kindComplete && p.kind != kindLive {
			copies = 2
		}
		for range copies {
			lost := w.rng.Float64() < w.loss
			delay := time.Duration(w.rng.Int64N(int64(w.jitter)))
			if lost || w.cut(p.from, name) {
				continue
			}
			w.seq++
			heap.Push(&w.air, flight{w.now.Add(delay), w.seq, name, p})
		}
	}
}

func (w *world) cut(from, to string) bool {
	return w.side[from] != w.side[to] || w.deaf[[2]string{from, to}]
}

// run lets time pass until a moment.
func (w *world) run(until time.Time) {
	clear(w.dues)
	for events := 0; w.bad == ""; events++ {
		if events > 20000 {
			w.failf("storm: %v", w.sent)
		}
		at, who := until, ""
		for _, name := range w.order {
			if _, ok := w.dues[name]; !ok {
				w.dues[name] = w.nodes[name].due()
			}
			if d := w.dues[name]; d.Before(at) {
				at, who = d, name
			}
		}
		if len(w.air) > 0 && !at.Before(w.air[0].at) && w.air[0].at.Before(until) {
			f := heap.Pop(&w.air).(flight)
			w.now = later(w.now, f.at)
			if n := w.nodes[f.to]; n != nil && !w.cut(f.p.from, f.to) {
				n.hear(f.p)
				delete(w.dues, f.to)
				w.checkNode(f.to)
			}
			continue
		}
		if who == "" {
			w.now = until
			return
		}
		w.now = later(w.now, at)
		w.nodes[who].tick()
		delete(w.dues, who)
		w.checkNode(who)
	}
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// checkNode looks that a node never shows more than was counted.
func (w *world) checkNode(name string) {
	n := w.nodes[name]
	for _, h := range w.torrents {
		if got := n.total(h); got > w.truth[h] && !w.apart {
			w.failf("above: %s shows %d of %d for %s%s", name, got, w.truth[h], h, w.dump(h))
		}
	}
}

// dump returns what all have of a torrent.
func (w *world) dump(h tracker.InfoHash) string {
	var b strings.Builder
	for _, name := range w.order {
		switch n := w.nodes[name].(type) {
		case *stranger:
			fmt.Fprintf(&b, "\n\t%s shows %d", name, n.totals[h])
		case *member:
			fmt.Fprintf(&b, "\n\t%s is %s, folded %d", name, n.group.ledger.Own(), n.group.folded.sum.Count)
			if c := n.table.of[h]; c != nil {
				fmt.Fprintf(&b, ": nobody %d, floor %d", c.nobody, c.floor)
				for _, o := range sorted(c.parts) {
					fmt.Fprintf(&b, ", %s %d", o, c.parts[o])
				}
			}
			for _, o := range sorted(n.group.mates) {
				m := n.group.mates[o]
				fmt.Fprintf(&b, "\n\t\tmate %s: upto %d, beyond %d; own %+v; since %v", o, m.received.upto, len(m.received.beyond), m.unlike[thingOwn], m.since)
				if m.hello != nil {
					fmt.Fprintf(&b, " hello %d %d %x at %v", m.hello.Serial, m.hello.Number, m.hello.Own, m.at)
				}
			}
			for _, s := range n.group.sessions {
				fmt.Fprintf(&b, "\n\t\tsession %+v", *s)
			}
			fmt.Fprintf(&b, "; ended %v, known %v", sorted(n.group.ended), sorted(n.group.known))
		}
	}
	return b.String()
}

// retry is when a member asks again: later than an answer can come.
func (w *world) retry() time.Duration { return 2*time.Second + 2*w.hold }

// keep notes what is on a disk.
func (w *world) keep(records map[tracker.InfoHash]*counts) {
	for h, c := range records {
		for o, v := range c.parts {
			w.kept[part{h, o}] = max(w.kept[part{h, o}], v)
		}
	}
}

// least returns how many completions of a torrent cannot have been lost.
func (w *world) least(h tracker.InfoHash) (n uint64) {
	for p, v := range w.issued {
		switch {
		case p.hash != h:
		case !w.crashed[p.origin]:
			n += v
		case w.crashes > 1:
			n += w.kept[p]
		default:
			n += max(w.kept[p], w.received[p])
		}
	}
	return n
}

// member is an instance that speaks the extension.
type member struct {
	w       *world
	name    string
	disk    disk
	table   *memory
	group   *Group
	refuses map[tracker.InfoHash]bool
	tellAt  time.Time
	folded  int
}

func newMember(w *world, name string, d disk) *member {
	m := &member{w: w, name: name, disk: d}
	m.start(false)
	return m
}

// start starts from what is on the disk.
func (m *member) start(floors bool) {
	w := m.w
	if w.broken == "begin no origin at a start" && m.group != nil && m.disk.state.Present != Nobody {
		m.sameOrigin(floors)
		return
	}
	l := NewLedger(w.sizes.Records, w.keepRecords, func() time.Time { return w.now })
	m.table = newMemory(l, timeout, timeout-5*interval, m.disk.records)
	m.table.refuses, m.table.letGo = m.refuses, func(h tracker.InfoHash) { w.letGo[h] = true }
	for _, c := range m.disk.records {
		floors = floors || c.floor > 0
	}
	m.group = NewGroup(m.options(), m.table, l, m.disk.state, floors, w.now)
	m.folded = len(m.group.folded.order)
	m.tellAt = w.now.Add(interval)
}

func (m *member) options() Options {
	w := m.w
	o := Options{
		Interval: interval, MaxDelay: time.Second, Retry: w.retry(), Transit: w.hold, Reorder: func() time.Duration { return w.hold + time.Millisecond },
		Rotate: rotate, RotateHeld: timeout / 2, Unsettled: unsettled, Away: away, Alone: alone,
		Awaited:   func() bool { return w.awaits },
		Sizes:     w.sizes,
		NewOrigin: w.newOrigin,
		Keep: func(s State) {
			if w.broken != "name origins later" {
				m.disk.state.Present, m.disk.state.Ended = s.Present, append(m.disk.state.Ended[:len(m.disk.state.Ended):len(m.disk.state.Ended)], s.Ended...)
			}
		},
		Send: func(to Origin, msg Message) {
			kind, b := Append(nil, m.group.ledger.Own(), to, msg)
			w.sent[fmt.Sprintf("%T", msg)]++
			w.bytes[fmt.Sprintf("%T", msg)] += len(b)
			from, to, msg, err := Parse(kind, b)
			if err != nil {
				w.failf("%T: %v", msg, err)
				return
			}
			w.send(packet{from: m.name, origin: from, m: msg}, func(_ string, n node) bool {
				other, ok := n.(*member)
				return ok && (to == Nobody || other.group.ledger.Own() == to)
			})
		},
	}
	switch w.broken {
	case "wait for nobody when alone":
		o.Alone = presentFor * interval
	case "tell nobody's part at once":
		o.Reorder = func() time.Duration { return 0 }
	}
	return o
}

// checkpoint puts on the disk what is in memory.
func (m *member) checkpoint() {
	m.disk = disk{make(map[tracker.InfoHash]*counts), m.group.State()}
	for h, c := range m.table.of {
		m.disk.records[h] = c.clone()
	}
	m.w.keep(m.disk.records)
}

// backup is a copy of the disk. It names no present origin: the original may go on
// with it.
func (m *member) backup() disk {
	d := m.disk.clone()
	if d.state.Present != Nobody {
		d.state.Known = append(d.state.Known[:len(d.state.Known):len(d.state.Known)], KnownSeen{d.state.Present, m.w.now})
		d.state.Present = Nobody
	}
	return d
}

// crash loses what is in memory.
func (m *member) crash() {
	m.w.crashes++
	for p := range m.w.issued {
		if p.origin == m.group.ledger.Own() || m.group.ended[p.origin] {
			m.w.crashed[p.origin] = true
		}
	}
	m.start(false)
}

func (m *member) total(h tracker.InfoHash) uint64 { return m.table.total(h) }
func (m *member) due() time.Time {
	if next := m.group.Next(m.w.now); next.Before(m.tellAt) {
		return next
	}
	return m.tellAt
}

func (m *member) completed(h tracker.InfoHash) {
	if m.refuses[h] {
		return
	}
	w := m.w
	w.truth[h]++
	m.table.complete(h, w.now)
	own := m.group.ledger.Own()
	w.issued[part{h, own}] = m.table.of[h].parts[own]
	m.group.sendParts(w.now, w.now) // parts leave no later than the original protocol's record
	w.send(packet{from: m.name, kind: kindComplete, hash: h, marked: true}, everyone)
}

func (m *member) announced(h tracker.InfoHash) {
	if m.refuses[h] {
		return
	}
	m.table.find(h, m.w.now)
	m.w.send(packet{from: m.name, kind: kindLive, hash: h}, everyone)
}

func everyone(string, node) bool { return true }

func (m *member) hear(p packet) {
	w := m.w
	switch p.kind {
	case kindMessage:
		m.hearMessage(p)
	case kindComplete:
		if m.refuses[p.hash] {
			return
		}
		m.table.find(p.hash, w.now)
		if !p.marked || w.broken == "count marked completions" {
			m.table.set(p.hash, Nobody, m.table.of[p.hash].nobody+1)
			m.table.rose[p.hash] = w.now
		}
	case kindLive:
		if !m.refuses[p.hash] {
			m.table.find(p.hash, w.now)
		}
	case kindTell:
		m.group.TakeFloors(w.now, p.totals)
		if w.broken == "end floors at once" {
			m.table.EndFloors()
		}
	}
}

func (m *member) hearMessage(p packet) {
	w := m.w
	if parts, ok := p.m.(*Parts); ok {
		for _, r := range parts.Records {
			k := part{r.InfoHash, p.origin}
			if !m.refuses[r.InfoHash] { // what is refused is not kept
				w.received[k] = max(w.received[k], r.Value)
			}
		}
	}
	m.breakBefore(&p)
	before, own := m.endedRoots(), m.group.ledger.sent
	m.group.Hear(p.origin, p.m, w.now)
	m.breakAfter(own)
	m.noteFolds(before)
}

func (m *member) tick() {
	w := m.w
	before := m.endedRoots()
	if w.broken == "fold at once" {
		m.group.fold(sorted(m.group.ended), w.now)
	}
	m.group.Tick(w.now)
	m.noteFolds(before)
	if w.now.Before(m.tellAt) {
		return
	}
	m.tellAt = w.now.Add(interval)
	m.table.sweep(w.now)
	if len(m.group.ended) > 0 && m.group.heldUp(w.now) {
		w.held++
	}
	m.tell()
}

func (m *member) endedRoots() map[Origin]uint64 {
	roots := make(map[Origin]uint64)
	for o := range m.group.ended {
		roots[o] = m.group.ledger.root(o)
	}
	return roots
}

// noteFolds looks that who folds an origin first had all of it, unless a crash or an
// older disk took something away.
func (m *member) noteFolds(roots map[Origin]uint64) {
	w := m.w
	for _, o := range m.group.folded.order[m.folded:] {
		w.folds++
		if w.everFolded[o] || w.setBack || w.crashes > 0 {
			continue
		}
		w.everFolded[o] = true
		var root uint64
		for p, v := range w.issued {
			if p.origin == o {
				root ^= digestOf(o, &p.hash, v)
			}
		}
		if root != roots[o] {
			w.failf("folded: %s folds %s and has not all of it", m.name, o)
		}
	}
	m.folded = len(m.group.folded.order)
}

// tell tells strangers the totals, but of what rose lately: they may have completions
// under way that the totals have already.
func (m *member) tell() {
	w := m.w
	p := packet{from: m.name, kind: kindTell}
	for h, c := range m.table.of {
		if w.now.Sub(m.table.rose[h]) > 2*time.Second+w.hold || w.broken == "tell strangers at once" {
			p.totals = append(p.totals, Record{InfoHash: h, Value: c.total(), Age: w.now.Sub(c.last)})
		}
	}
	w.send(p, func(_ string, n node) bool {
		_, ok := n.(*stranger)
		return ok
	})
}

// stranger is an instance that speaks the original protocol only.
type stranger struct {
	w      *world
	name   string
	totals map[tracker.InfoHash]uint64
	last   map[tracker.InfoHash]time.Time
	tellAt time.Time
}

func newStranger(w *world, name string) *stranger {
	return &stranger{w, name, make(map[tracker.InfoHash]uint64), make(map[tracker.InfoHash]time.Time), w.now.Add(interval)}
}

func (s *stranger) total(h tracker.InfoHash) uint64 { return s.totals[h] }
func (s *stranger) due() time.Time                  { return s.tellAt }

func (s *stranger) completed(h tracker.InfoHash) {
	s.w.truth[h]++
	s.totals[h]++
	s.last[h] = s.w.now
	s.w.send(packet{from: s.name, kind: kindComplete, hash: h}, everyone)
}

func (s *stranger) announced(h tracker.InfoHash) {
	s.last[h] = s.w.now
	s.w.send(packet{from: s.name, kind: kindLive, hash: h}, everyone)
}

func (s *stranger) hear(p packet) {
	switch p.kind {
	case kindComplete:
		s.totals[p.hash]++
		s.last[p.hash] = s.w.now
	case kindLive:
		s.last[p.hash] = s.w.now
	case kindTell:
		for _, r := range p.totals {
			if r.Age < timeout {
				s.totals[r.InfoHash] = max(s.totals[r.InfoHash], r.Value)
				s.last[r.InfoHash] = later(s.last[r.InfoHash], s.w.now.Add(-r.Age))
			}
		}
	}
}

func (s *stranger) tick() {
	w := s.w
	s.tellAt = w.now.Add(interval)
	for h, last := range s.last {
		if w.now.Sub(last) >= timeout {
			delete(s.last, h)
			delete(s.totals, h)
			w.letGo[h] = true
		}
	}
	p := packet{from: s.name, kind: kindTell}
	for h, last := range s.last {
		p.totals = append(p.totals, Record{InfoHash: h, Value: s.totals[h], Age: w.now.Sub(last)})
	}
	w.send(p, everyone)
}

// upgrade starts a member from what the stranger has.
func (s *stranger) upgrade() *member {
	d := disk{records: make(map[tracker.InfoHash]*counts)}
	for h, n := range s.totals {
		d.records[h] = &counts{floor: n, parts: make(map[Origin]uint64), last: s.last[h]}
	}
	m := &member{w: s.w, name: s.name, disk: d}
	m.start(true)
	return m
}
