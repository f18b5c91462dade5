package store

import (
	"flag"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/rs/zerolog"

	"keeptrack/tracker"
)

var (
	seeds    = flag.Int("seeds", 8, "number of random runs")
	onlySeed = flag.Uint64("seed", 0, "repeat the run of this seed alone")
)

// model is what the file must hold, kept as naively as can be. Every record
// ever made has a LastAnnounce of its own, higher than those before.
type model struct {
	rng     *rand.Rand
	version uint32
	hashes  []tracker.InfoHash
	history map[tracker.Record]bool // all that ever were
	// durable is what the last checkpoints have written: the file has this or
	// something newer of a torrent that is still kept.
	durable map[tracker.InfoHash]tracker.Record
	// removed were forgotten since they were last written or loaded. Until that
	// is written, the file may have them or not.
	removed map[tracker.InfoHash]bool
	failed  int // checkpoints that failed part-way or at once
	crashed int

	path string
	s    *Store
	src  *fakeSource
}

func newModel(t *testing.T, seed uint64) *model {
	m := &model{
		rng:     rand.New(rand.NewPCG(seed, 1)),
		history: map[tracker.Record]bool{},
		durable: map[tracker.InfoHash]tracker.Record{},
		path:    testPath(t),
	}
	for i := range 1 + m.rng.IntN(400) {
		m.hashes = append(m.hashes, testHash(m.rng.IntN(tracker.ShardCount), i))
	}
	m.open(t)
	return m
}

// open opens the file, compares what it loads, and goes on from there.
func (m *model) open(t *testing.T) {
	t.Helper()
	s, err := Open(m.path, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	s.db.NoSync = true
	s.batchSize = 1 + m.rng.IntN(50)
	loaded := loadAll(t, s)
	if m.s != nil {
		m.compare(t, loaded)
	}
	m.s, m.src, m.durable, m.removed = s, newFakeSource(), loaded, map[tracker.InfoHash]bool{}
	for _, r := range loaded {
		m.src.load(r)
	}
}

// compare checks what was loaded against the model.
func (m *model) compare(t *testing.T, loaded map[tracker.InfoHash]tracker.Record) {
	t.Helper()
	for _, h := range m.hashes {
		got, inFile := loaded[h]
		least, written := m.durable[h]
		most, kept := m.src.get(h)
		switch {
		case !inFile:
			if written && !m.removed[h] {
				t.Errorf("%+v was written and is missing", least)
			}
		case !m.history[got]:
			t.Errorf("%+v never existed", got)
		case !written && !kept && !m.removed[h]:
			t.Errorf("%+v came back after its removal was written", got)
		case written && got.LastAnnounce < least.LastAnnounce:
			t.Errorf("%+v is older than what was written, %+v", got, least)
		case kept && got.LastAnnounce > most.LastAnnounce:
			t.Errorf("%+v is newer than what is kept, %+v", got, most)
		}
	}
}

// mutate changes up to n torrents: new ones, downloads, removals.
func (m *model) mutate(n int) {
	for range m.rng.IntN(n + 1) {
		h := m.hashes[m.rng.IntN(len(m.hashes))]
		r, kept := m.src.get(h)
		if kept && m.rng.IntN(5) == 0 {
			m.src.remove(h)
			m.removed[h] = true
			continue
		}
		m.version++
		r.InfoHash, r.LastAnnounce = h, m.version
		r.Downloaded += m.rng.Uint64N(2)
		m.src.put(r)
		m.history[r] = true
	}
}

// recorder notes what the store takes and does not restore: that is durable
// when a checkpoint returns.
type recorder struct {
	*model
	records map[tracker.InfoHash]tracker.Record
	gone    map[tracker.InfoHash]bool
	unsure  map[tracker.InfoHash]bool // were in model.removed when taken
}

func newRecorder(m *model) *recorder {
	return &recorder{m, map[tracker.InfoHash]tracker.Record{}, map[tracker.InfoHash]bool{}, map[tracker.InfoHash]bool{}}
}

func (r *recorder) Records(shard int, dst []tracker.Record) []tracker.Record {
	return r.src.Records(shard, dst)
}

func (r *recorder) TakeChanges(shard int, c *tracker.Changes) {
	records, removed := len(c.Records), len(c.Removed)
	r.src.TakeChanges(shard, c)
	for _, record := range c.Records[records:] {
		r.records[record.InfoHash] = record
		r.unsure[record.InfoHash] = r.removed[record.InfoHash]
		delete(r.removed, record.InfoHash)
	}
	for _, h := range c.Removed[removed:] {
		r.gone[h] = true
		delete(r.removed, h)
	}
}

func (r *recorder) RestoreChanges(shard int, c *tracker.Changes) {
	r.src.RestoreChanges(shard, c)
	for _, record := range c.Records {
		delete(r.records, record.InfoHash)
		if r.unsure[record.InfoHash] {
			r.removed[record.InfoHash] = true
		}
	}
	for _, h := range c.Removed {
		delete(r.gone, h)
		r.removed[h] = true
	}
}

// checkpoint runs one, while the tracker goes on, that may fail.
func (m *model) checkpoint(t *testing.T, fail bool) {
	t.Helper()
	update := m.s.update
	if fail {
		failAfter(m.s, m.rng.IntN(4), m.rng.IntN(2) == 0)
	}
	if m.src.onRecords == nil && m.rng.IntN(2) == 0 {
		m.src.onRecords = func(int) { m.mutate(2) }
	}
	r := newRecorder(m)
	_, err := m.s.Checkpoint(r)
	m.src.onRecords, m.s.update = nil, update
	if err != nil {
		m.failed++
		if !fail {
			t.Fatal(err)
		}
	}
	for h, record := range r.records {
		m.durable[h] = record
	}
	for h := range r.gone {
		delete(m.durable, h)
	}
}

// crash copies the file at a random moment of a checkpoint and goes on with the
// copy. The copy may lack anything of that checkpoint, nothing of those before.
func (m *model) crash(t *testing.T) {
	t.Helper()
	m.crashed++
	durable, removed := maps.Clone(m.durable), maps.Clone(m.removed)
	var copied []byte
	countdown := m.rng.IntN(2 * tracker.ShardCount)
	snapshot := func(int) {
		if countdown--; countdown == 0 {
			copied = read(t, m.path)
		}
	}
	m.src.onTake, m.src.onRecords = snapshot, snapshot
	m.checkpoint(t, m.rng.IntN(4) == 0)
	m.src.onTake = nil
	if copied == nil {
		copied = read(t, m.path)
	}
	closeStore(t, m.s)
	write(t, m.path, copied)
	m.durable = durable
	maps.Copy(m.removed, removed)
	m.open(t)
}

// reopen closes the store, whether or not all is written, and opens it again.
func (m *model) reopen(t *testing.T) {
	t.Helper()
	closeStore(t, m.s)
	m.open(t)
}

// TestRandomOperations compares the file after each restart and crash with the
// model: nothing written is lost, no count goes back, nothing is made up.
func TestRandomOperations(t *testing.T) {
	from, to := uint64(1), uint64(*seeds)
	if *onlySeed != 0 {
		from, to = *onlySeed, *onlySeed
	}
	failed, crashed := 0, 0
	for seed := from; seed <= to; seed++ {
		m := newModel(t, seed)
		for step := 0; step < 100 && !t.Failed(); step++ {
			m.mutate(1 + m.rng.IntN(100))
			switch m.rng.IntN(8) {
			case 0:
				m.reopen(t)
			case 1:
				m.crash(t)
			case 2, 3:
				m.checkpoint(t, true)
			default:
				m.checkpoint(t, false)
			}
		}
		closeStore(t, m.s)
		if t.Failed() {
			t.Fatalf("repeat with -run TestRandomOperations -seed %d", seed)
		}
		failed, crashed = failed+m.failed, crashed+m.crashed
	}
	t.Logf("%d checkpoints failed, %d crashes", failed, crashed)
	if *onlySeed == 0 && (failed == 0 || crashed == 0) {
		t.Errorf("%d checkpoints failed, %d crashes: the test does not test", failed, crashed)
	}
}
