package tracker

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"keeptrack/cmd/testenv"
)

// toldLedger is a Ledger that remembers what it was told, and complains of what cannot be.
type toldLedger struct {
	t       testing.TB
	mu      sync.Mutex      // guards what follows
	ended   map[Origin]bool // those of which nothing is to be counted any more
	values  map[subjectOf]uint64
	leftOut map[subjectOf]uint64
	created map[InfoHash]int
}

type subjectOf struct {
	origin Origin
	hash   InfoHash
}

func newToldLedger(t testing.TB) *toldLedger {
	return &toldLedger{t: t, ended: make(map[Origin]bool), values: make(map[subjectOf]uint64), leftOut: make(map[subjectOf]uint64), created: make(map[InfoHash]int)}
}

func (l *toldLedger) Changed(o Origin, h *InfoHash, old, value uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.change(o, h, old, value)
}

func (l *toldLedger) change(o Origin, h *InfoHash, old, value uint64) {
	k := subjectOf{o, *h}
	if l.values[k] != old || old == value {
		l.t.Errorf("%v of %v: told %d → %d, was %d", o, h, old, value, l.values[k])
	}
	if l.values[k] = value; value == 0 {
		delete(l.values, k)
	}
}

func (l *toldLedger) Counted(o Origin, h *InfoHash, value uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended[o] {
		l.t.Errorf("a completion is counted for %v, which has ended", o)
	}
	l.change(o, h, value-1, value)
}

// end has nothing be counted for an origin from now on.
func (l *toldLedger) end(o Origin) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended[o] = true
}

func (l *toldLedger) Created(h *InfoHash) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.created[*h]++
	maps.DeleteFunc(l.leftOut, func(k subjectOf, _ uint64) bool { return k.hash == *h })
}

func (l *toldLedger) LeftOut(o Origin, h *InfoHash, value uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.change(o, h, value, 0)
	l.leftOut[subjectOf{o, *h}] = value
}

// naiveParts are the counts of a torrent in the simplest form.
type naiveParts struct {
	nobody, floor uint64
	parts         map[Origin]uint64
	partial       bool // nobody is what was completed here, parts are in the file
}

func (n *naiveParts) sum() uint64 {
	sum := n.nobody
	for _, v := range n.parts {
		sum += v
	}
	return sum
}

func (n *naiveParts) total() uint64 { return max(n.floor, n.sum()) }

// fileRow is what a file has of a torrent: rows as the database keeps them.
type fileRow struct {
	record Record
	rows   map[Origin]uint64
}

// naive returns the counts that a file means that knows some origins as folded, as of
// others that have been folded since.
func (f *fileRow) naive(knows, folded map[Origin]bool, totalsAreFloors bool) *naiveParts {
	n := &naiveParts{parts: make(map[Origin]uint64)}
	sum, excess, row := uint64(0), uint64(0), false
	for o, v := range f.rows {
		switch {
		case o == Nobody:
			excess, row = v, true
		case !knows[o]:
			sum += v
			if n.parts[o] = v; folded[o] {
				n.nobody += v
				delete(n.parts, o)
			}
		}
	}
	if !row && totalsAreFloors {
		excess = f.record.Downloaded - sum
	}
	if n.nobody += f.record.Downloaded - sum - excess; excess > 0 {
		n.floor = f.record.Downloaded
	}
	return n
}

// partsModel is a tracker with parts beside its model and its file.
type partsModel struct {
	*rig
	parts   *Parts
	ledger  *toldLedger
	rng     *rand.Rand
	hashes  []InfoHash
	origins []Origin // that are not folded
	own     Origin
	folded  map[Origin]bool // since ever
	want    map[InfoHash]*naiveParts
	file    map[InfoHash]*fileRow
	floors  bool            // of the file
	knows   map[Origin]bool // what the file knows as folded
	peers   int
	seen    map[string]int
}

func newPartsModel(t *testing.T, seed uint64, floors bool) *partsModel {
	m := &partsModel{
		rng:    rand.New(rand.NewPCG(seed, 7)),
		folded: make(map[Origin]bool), want: make(map[InfoHash]*naiveParts), file: make(map[InfoHash]*fileRow),
		knows: make(map[Origin]bool), floors: floors, seen: make(map[string]int),
	}
	m.start(t)
	for i := 0; len(m.hashes) < 40; i++ { // in few shards, so that they move
		if h := hashN(byte(m.rng.Uint32()), i); m.shardOf(h) < 4 {
			m.hashes = append(m.hashes, h)
		}
	}
	if floors {
		for _, h := range m.hashes[:20] {
			m.file[h] = &fileRow{Record{h, m.now().minute(), m.rng.Uint64N(20)}, map[Origin]uint64{}}
		}
		m.start(t)
	}
	return m
}

// start starts a tracker on the file.
func (m *partsModel) start(t testing.TB) {
	at := epoch
	if m.rig != nil {
		at = m.time
		checkInvariants(t, m.Tracker)
	}
	m.rig = newRig(t, nil)
	m.time, m.Tracker.seed = at, 1
	for i := range m.shards {
		m.shards[i].init(1, &m.budget.bytes.used)
	}
	m.want = make(map[InfoHash]*naiveParts)
	var rows []TorrentPart
	for _, h := range m.hashes {
		f := m.file[h]
		if f == nil {
			continue
		}
		if m.rng.IntN(8) == 0 {
			m.LeaveInFile(m.now(), f.record)
			continue
		}
		m.Load(m.now(), f.record)
		m.want[h] = f.naive(m.knows, m.folded, m.floors)
		for o, v := range f.rows {
			if !m.folded[o] {
				rows = append(rows, TorrentPart{h, Part{o, v}})
			}
		}
	}
	m.LoadParts(rows)
	m.ledger = newToldLedger(t)
	m.parts = m.CountParts(m.ledger, m.floors)
	m.own = Nobody
}

func (m *partsModel) hash() InfoHash { return m.hashes[m.rng.IntN(len(m.hashes))] }

func (m *partsModel) origin() Origin {
	if len(m.origins) == 0 || len(m.origins) < 6 && m.rng.IntN(4) == 0 {
		m.origins = append(m.origins, NewOrigin())
	}
	return m.origins[m.rng.IntN(len(m.origins))]
}

// torrent returns what the model has of a torrent that is there now.
func (m *partsModel) torrent(h InfoHash) *naiveParts {
	n := m.want[h]
	if n == nil {
		n = &naiveParts{parts: make(map[Origin]uint64), partial: m.fileOnly.Load()}
		m.want[h] = n
	}
	return n
}

func (m *partsModel) peer() Peer { m.peers++; return peer4(m.peers) }

// complete has a download completed here, or another instance publish one.
func (m *partsModel) completed() {
	h, n := m.hash(), (*naiveParts)(nil)
	switch m.rng.IntN(4) {
	case 0:
		implicit := false // a floor that the file had, of which there is no row
		m.look(&h, func(s *shard, i uint32) {
			_, row := s.parts.excess(i)
			implicit = i < s.floorsBelow && !row && !s.torrents.at(i).partial
		})
		m.ApplySync(m.now(), &SyncRecord{InfoHash: h, Peer: m.peer(), Flags: SyncSeeding | SyncComplete})
		n = m.torrent(h)
		if implicit {
			n.floor = n.total() + 1
			return
		}
		n.nobody++
		if n.partial && n.floor > 0 {
			n.floor++
		}
	case 1:
		m.ApplySync(m.now(), &SyncRecord{InfoHash: h, Peer: m.peer(), Flags: SyncSeeding | SyncComplete, Counted: true})
		m.torrent(h)
	default:
		m.published = nil
		m.rig.complete(h, m.peer())
		n = m.torrent(h)
		counted := m.own != Nobody && !n.partial
		if counted {
			n.parts[m.own]++
		} else {
			n.nobody++
		}
		if n.floor > 0 {
			n.floor++
		}
		if len(m.published) != 1 || m.published[0].Counted != counted {
			m.t.Errorf("published %+v, counted for an origin: %v", m.published, counted)
		}
	}
}

func (m *partsModel) raise() {
	h, o := m.hash(), m.origin()
	if m.rng.IntN(3) == 0 {
		o = Nobody
	}
	r := PartRecord{InfoHash: h, Value: 1 + m.rng.Uint64N(12), Age: time.Duration(m.rng.Int64N(int64(m.opts.TorrentTimeout))), Kept: m.rng.IntN(2) == 0}
	n, want := m.want[h], PartHeld
	stale := r.Age >= m.opts.TorrentTimeout-staleMargin
	if n == nil && (m.fileOnly.Load() || o == Nobody && !r.Kept && stale) || n != nil && n.partial {
		want = PartRefused
		m.seen["refused"]++
	} else {
		n = m.torrent(h)
		if old := n.parts[o]; o != Nobody && r.Value > old {
			n.parts[o], want = r.Value, PartRaised
		} else if o == Nobody && r.Value > n.nobody {
			n.nobody, want = r.Value, PartRaised
		}
	}
	if got := m.parts.Raise(m.time, o, r); got != want {
		m.t.Errorf("%+v of %v: %d, want %d", r, o, got, want)
	}
}

func (m *partsModel) raiseFloor() {
	r := PartRecord{InfoHash: m.hash(), Value: 1 + m.rng.Uint64N(40) + uint64(max(m.rng.IntN(20)-18, 0))<<33, Age: time.Duration(m.rng.Int64N(int64(m.opts.TorrentTimeout)))}
	got, want := m.parts.RaiseFloor(m.time, r), false
	if r.Age < m.opts.TorrentTimeout-staleMargin {
		n := m.torrent(r.InfoHash)
		if want = r.Value > n.total(); want {
			n.floor = r.Value
		}
	}
	if got != want {
		m.t.Errorf("floor %+v: %v, want %v", r, got, want)
	}
}

func (m *partsModel) fold() {
	if len(m.origins) == 0 {
		return
	}
	k := m.rng.IntN(len(m.origins))
	o := m.origins[k]
	if o == m.own {
		return
	}
	m.origins = slices.Delete(m.origins, k, k+1)
	m.folded[o] = true
	for _, n := range m.want {
		n.nobody += n.parts[o]
		delete(n.parts, o)
	}
	m.parts.Fold([]Origin{o})
	m.seen["folded"]++
}

func (m *partsModel) endFloors() {
	for _, n := range m.want {
		if n.partial {
			continue // its floor is told with the file's
		}
		n.nobody += n.total() - n.sum()
		n.floor = 0
	}
	m.parts.EndFloors()
	if m.parts.TotalsAreFloors() {
		m.t.Error("totals are floors although they have ended")
	}
}

// sweep lets torrents go, and evict some that need not.
func (m *partsModel) sweep() {
	m.advance(time.Duration(m.rng.Int64N(int64(m.opts.TorrentTimeout / 2))))
	m.sweepAll()
	for h, n := range m.want {
		if _, ok := m.record(&h); !ok {
			if len(n.parts) > 0 || n.partial && n.nobody+n.floor > 0 {
				m.t.Errorf("torrent %v was let go with parts %v", h, n.parts)
			}
			delete(m.want, h)
			m.seen["let go"]++
		}
	}
}

func (m *partsModel) evict() {
	h := m.hash()
	e := eviction{t: m.Tracker, of: &m.budget.bytes}
	m.look(&h, func(s *shard, i uint32) { e.torrent(s, i) })
	if _, ok := m.record(&h); ok || m.want[h] == nil {
		return
	}
	n := m.want[h]
	delete(m.want, h)
	if n.total() == 0 {
		return
	}
	m.seen["evicted"]++
	if in := m.file[h]; in == nil || !n.equal(in.naive(m.knows, m.folded, m.parts.TotalsAreFloors())) {
		m.t.Errorf("evicted %+v, the file has %+v", n, in)
	}
	for o, v := range n.parts {
		if m.ledger.leftOut[subjectOf{o, h}] != v {
			m.t.Errorf("part %d of %v not told as left out", v, o)
		}
	}
}

func (n *naiveParts) equal(o *naiveParts) bool {
	return n.nobody == o.nobody && n.total() == o.total() && maps.Equal(n.parts, o.parts)
}

// checkpoint has the file take changes, or not.
func (m *partsModel) checkpoint() {
	all := m.TakeChanges(nil, 1+m.rng.IntN(60))
	if m.rng.IntN(5) == 0 {
		m.RestoreChanges(all)
		return
	}
	if m.rng.IntN(3) == 0 { // others go on before it is settled
		m.completed()
		m.fold()
	}
	before := m.floors
	m.floors = m.parts.TotalsAreFloors()
	done := Settlement{Taken: len(all)}
	for i := range all {
		switch c := &all[i]; {
		case c.Removed:
			delete(m.file, c.InfoHash)
		case c.Partial:
			done.Partial = append(done.Partial, m.merge(c, before))
		default:
			m.write(c)
		}
	}
	m.knows = maps.Clone(m.folded) // from the next checkpoint on
	if m.rng.IntN(3) == 0 {
		m.fold()
	}
	m.Settle(done)
	for _, in := range done.Partial {
		m.settled(&in)
	}
}

func (m *partsModel) write(c *Change) {
	f := m.file[c.InfoHash]
	if f == nil {
		f = &fileRow{rows: make(map[Origin]uint64)}
		m.file[c.InfoHash] = f
	}
	f.record = c.Record
	for _, p := range c.Parts {
		f.rows[p.Origin] = p.Value
	}
}

// merge brings a partial change together with the file's record, and returns what there
// was of that.
func (m *partsModel) merge(c *Change, floors bool) InFile {
	f := m.file[c.InfoHash]
	if f == nil {
		f = &fileRow{Record{InfoHash: c.InfoHash}, make(map[Origin]uint64)}
		in := InFile{Record: f.record}
		m.bring(f, c, floors)
		return in
	}
	in := InFile{Record: f.record, Found: true}
	for o, v := range f.rows {
		if !m.knows[o] {
			in.Parts = append(in.Parts, Part{o, v})
		}
	}
	m.bring(f, c, floors)
	return in
}

func (m *partsModel) bring(f *fileRow, c *Change, floors bool) {
	sum, excess, row := uint64(0), uint64(0), false
	for o, v := range f.rows {
		if o == Nobody {
			excess, row = v, true
		} else {
			sum += v
		}
	}
	if !row && floors {
		excess = f.record.Downloaded - sum
	}
	sum = f.record.Downloaded - excess + c.Downloaded
	f.record.Downloaded = max(f.record.Downloaded+c.Downloaded, c.Floor)
	f.record.LastAnnounce = max(f.record.LastAnnounce, c.LastAnnounce)
	f.rows[Nobody] = f.record.Downloaded - sum
	m.file[c.InfoHash] = f
}

// settled brings the model's partial torrent together with what the file had.
func (m *partsModel) settled(in *InFile) {
	n := m.want[in.InfoHash]
	if n == nil || !n.partial {
		return
	}
	f := fileRow{in.Record, make(map[Origin]uint64)}
	for _, p := range in.Parts {
		f.rows[p.Origin] = p.Value
	}
	was := f.naive(nil, m.folded, m.parts.TotalsAreFloors())
	if was.floor > 0 {
		was.floor += n.nobody
	}
	was.floor = max(was.floor, n.floor)
	was.nobody += n.nobody
	m.want[in.InfoHash] = was
	if m.ledger.created[in.InfoHash] == 0 {
		m.t.Errorf("torrent %v not told as created", in.InfoHash)
	}
	m.seen["settled"]++
}

// restart saves all and starts anew.
func (m *partsModel) restart() {
	for empty := 0; empty < 2; { // a round may have begun before
		all := m.TakeChanges(nil, 100)
		m.floors = m.parts.TotalsAreFloors()
		done := Settlement{Taken: len(all)}
		for i := range all {
			switch c := &all[i]; {
			case c.Removed:
				delete(m.file, c.InfoHash)
			case c.Partial:
				done.Partial = append(done.Partial, m.merge(c, m.floors))
			default:
				m.write(c)
			}
		}
		m.knows = maps.Clone(m.folded)
		m.Settle(done)
		for _, in := range done.Partial {
			m.settled(&in)
		}
		if empty++; len(all) > 0 {
			empty = 0
		}
	}
	for h, n := range m.want {
		if f := m.file[h]; f == nil || !n.equal(f.naive(m.knows, m.folded, m.floors)) {
			m.t.Errorf("torrent %v: %+v, the file has %+v", h, n, f)
		}
	}
	m.start(m.t)
	m.seen["restarted"]++
}

// check compares the tracker and what the ledger was told with the model.
func (m *partsModel) check() {
	m.t.Helper()
	values, parts := make(map[subjectOf]uint64), 0
	for h, n := range m.want {
		if got := m.scrape(h).Downloaded; got != n.total() {
			m.t.Fatalf("torrent %v: %d, want %+v", h, got, n)
		}
		if n.partial {
			continue
		}
		if n.nobody > 0 {
			values[subjectOf{Nobody, h}] = n.nobody
		}
		for o, v := range n.parts {
			values[subjectOf{o, h}] = v
			parts++
		}
		for _, o := range append(slices.Clone(m.origins), Nobody) {
			if got := m.parts.Part(o, &h); got != values[subjectOf{o, h}] {
				m.t.Fatalf("part of %v of %v is %d, want %+v", o, h, got, n)
			}
		}
	}
	if !maps.Equal(m.ledger.values, values) {
		m.t.Fatalf("the ledger was told %v, there is %v", m.ledger.values, values)
	}
	if got := m.parts.Count(); got != parts {
		m.t.Fatalf("%d parts, want %d", got, parts)
	}
	if floors := m.anyFloor(); floors && !m.parts.Floors() {
		m.t.Fatalf("no floors although there are some")
	}
}

func (m *partsModel) anyFloor() bool {
	for _, n := range m.want {
		if !n.partial && n.floor > n.sum() {
			return true
		}
	}
	return false
}

// page goes through all records of a subject.
func (m *partsModel) page() {
	m.advance(pageLife + time.Second)
	o := m.origin()
	if m.rng.IntN(2) == 0 {
		o = Nobody
	}
	first, last := uint16(m.rng.Uint32()), uint16(m.rng.Uint32())
	if first > last {
		first, last = last, first
	}
	var want []PartRecord
	for _, h := range slices.SortedFunc(maps.Keys(m.want), func(a, b InfoHash) int { return bytes.Compare(a[:], b[:]) }) {
		if v := m.parts.Part(o, &h); v > 0 && leafOf(&h) >= first && leafOf(&h) <= last {
			r, _ := m.record(&h)
			age := max(m.time.Sub(time.Unix(int64(r.LastAnnounce)*60, 0)), 0)
			want = append(want, PartRecord{h, v, age, len(m.want[h].parts) > 0})
		}
	}
	var got []PartRecord
	from, limit, more := firstInLeaf(first), 1+m.rng.IntN(10), true
	for more {
		before := len(got)
		got, more = m.parts.Page(m.time, o, from, last, limit, got)
		if more != (len(got) < len(want)) || len(got)-before > limit {
			m.t.Fatalf("%d records after %d of %d, more: %v", len(got), before, len(want), more)
		}
		if more {
			from, _ = got[len(got)-1].InfoHash.Next()
		}
		if m.rng.IntN(3) == 0 {
			m.advance(5 * time.Second)
			for i := range want {
				want[i].Age = 0
			}
		}
	}
	for i := range got {
		if i < len(want) && want[i].Age == 0 {
			got[i].Age = 0
		}
	}
	if !slices.Equal(got, want) {
		m.t.Fatalf("page of %v: %+v, want %+v", o, got, want)
	}
}

// TestPartsAreLikeTheModel has random things happen to a tracker with parts, its file
// and a model of both.
func TestPartsAreLikeTheModel(t *testing.T) {
	seen := make(map[string]int)
	for seed := range uint64(testenv.Pick(60, 2000)) {
		m := newPartsModel(t, seed, seed%2 == 0)
		m.seen = seen
		for range 250 {
			switch n := m.rng.IntN(100); {
			case n < 35:
				m.completed()
			case n < 60:
				m.raise()
			case n < 66:
				m.raiseFloor()
			case n < 70:
				m.fold()
			case n < 71:
				if m.rng.IntN(2) == 0 {
					m.endFloors()
				}
			case n < 77:
				m.sweep()
			case n < 82:
				m.evict()
			case n < 92:
				m.checkpoint()
			case n < 95:
				m.own = m.origin()
				m.parts.Begin(m.own)
			case n < 97:
				m.restart()
			default:
				m.page()
			}
			m.check()
		}
		checkInvariants(t, m.Tracker)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	for _, what := range []string{"refused", "folded", "let go", "evicted", "settled", "restarted"} {
		if seen[what] < 20 {
			t.Errorf("%s only %d times", what, seen[what])
		}
	}
	t.Log(seen)
}
