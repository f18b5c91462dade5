package store

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/rs/zerolog"

	"keeptrack/tracker"
)

// model is what the file must hold, kept as naively as can be. Every record
// ever made has a LastAnnounce of its own, higher than those before.
type model struct {
	rng     *rand.Rand
	version uint32
	hashes  []tracker.InfoHash
	history map[tracker.Record]bool // all that ever were
	// truth is what is known of the torrents that are kept, in memory and in the
	// file together.
	truth map[tracker.InfoHash]tracker.Record
	// durable is what the last checkpoints have written: the file has this or
	// something newer of a torrent that is still kept.
	durable map[tracker.InfoHash]tracker.Record
	// removed were forgotten since they were last written or loaded. Until that
	// is written, the file may have them or not.
	removed map[tracker.InfoHash]bool
	// expiring may go from the file at any time. Nothing is heard of them again.
	expiring map[tracker.InfoHash]bool
	failed   int // checkpoints that failed part-way or at once
	crashed  int
	evicted  int
	settled  int // partial changes

	path  string
	s     *Store
	began uint64 // sequence of the journal when s was opened
	src   *fakeSource
}

func newModel(t *testing.T, seed uint64) *model {
	m := &model{
		rng:      rand.New(rand.NewPCG(seed, 1)),
		history:  map[tracker.Record]bool{},
		truth:    map[tracker.InfoHash]tracker.Record{},
		durable:  map[tracker.InfoHash]tracker.Record{},
		expiring: map[tracker.InfoHash]bool{},
		path:     testPath(t),
	}
	first := 1 + m.rng.IntN(256) // of how many first bytes they are
	for i := range 1 + m.rng.IntN(400) {
		m.hashes = append(m.hashes, testHash(m.rng.IntN(first), i))
	}
	m.open(t)
	return m
}

// open opens the file, compares what it loads, and goes on from there. Memory
// takes in a part of it, sometimes.
func (m *model) open(t *testing.T) {
	t.Helper()
	s, err := Open(m.path, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	s.db.NoSync = true
	s.limits.batch = 1 + m.rng.IntN(50)
	s.limits.cutting.target = 2 + m.rng.IntN(20)
	s.limits.cutting.most = s.limits.cutting.target + m.rng.IntN(10)
	loaded := loadAll(t, s)
	if m.s != nil {
		m.compare(t, loaded)
	}
	m.began = sequenceOf(t, s)
	m.s, m.src, m.durable, m.removed = s, newFakeSource(), loaded, map[tracker.InfoHash]bool{}
	m.truth = map[tracker.InfoHash]tracker.Record{}
	m.src.expired = func(h tracker.InfoHash) bool { return m.expiring[h] }
	leave := m.rng.IntN(3) == 0
	for _, h := range slices.SortedFunc(maps.Keys(loaded), compareHashes) {
		r := loaded[h]
		m.truth[h] = r
		if leave && m.rng.IntN(2) == 0 {
			m.src.fileOnly = true
		} else if !m.expiring[h] {
			m.src.load(r)
		}
	}
}

// compare checks what was loaded against the model.
func (m *model) compare(t *testing.T, loaded map[tracker.InfoHash]tracker.Record) {
	t.Helper()
	for _, h := range m.hashes {
		got, inFile := loaded[h]
		least, written := m.durable[h]
		most, kept := m.truth[h]
		switch {
		case !inFile:
			if written && !m.removed[h] && !m.expiring[h] {
				t.Errorf("%+v was written and is missing", least)
			}
		case !m.history[got]:
			t.Errorf("%+v never existed", got)
		case !written && !kept && !m.removed[h]:
			t.Errorf("%+v came back after its removal was written", got)
		case written && (got.LastAnnounce < least.LastAnnounce || got.Downloaded < least.Downloaded && !m.removed[h]):
			t.Errorf("%+v is older than what was written, %+v", got, least)
		case kept && (got.LastAnnounce > most.LastAnnounce || got.Downloaded > most.Downloaded && !m.removed[h]):
			t.Errorf("%+v is newer than what is kept, %+v", got, most)
		}
	}
}

// mutate does up to n things to torrents.
func (m *model) mutate(n int) {
	for range m.rng.IntN(n + 1) {
		h := m.hashes[m.rng.IntN(len(m.hashes))]
		if m.expiring[h] {
			continue
		}
		r := m.truth[h]
		switch m.rng.IntN(10) {
		case 0, 1:
			m.remove(h)
			continue
		case 2:
			m.evict(h)
			continue
		case 3:
			if m.src.torrents[h] == nil && m.src.fileOnly && !m.src.removed[h] && m.rng.IntN(4) == 0 {
				m.expiring[h] = true
			}
			continue
		case 4:
			m.version++
			n := r.Downloaded + m.rng.Uint64N(5) - min(r.Downloaded, 2)
			m.src.tell(h, m.version, n)
			r.Downloaded = max(r.Downloaded, n)
		default:
			m.version++
			m.src.complete(h, m.version)
			r.Downloaded++
		}
		r.InfoHash, r.LastAnnounce = h, m.version
		m.truth[h], m.history[r] = r, true
	}
}

// remove forgets a torrent. One that is partial and without counts is in the file
// alone again, if it is there.
func (m *model) remove(h tracker.InfoHash) {
	t := m.src.torrents[h]
	if t == nil {
		return
	}
	whole := !t.partial
	if m.src.remove(h) && whole {
		delete(m.truth, h)
		m.removed[h] = true
	}
}

func (m *model) evict(h tracker.InfoHash) {
	before := len(m.src.torrents)
	m.src.evict(h)
	m.evicted += before - len(m.src.torrents)
}

// recorder notes what the store takes and does not restore: that is durable
// when a checkpoint returns.
type recorder struct {
	*model
	records map[tracker.InfoHash]tracker.Record
	gone    map[tracker.InfoHash]bool
	unsure  map[tracker.InfoHash]bool           // were in model.removed when taken
	earlier map[tracker.InfoHash]tracker.Record // records taken before the latest
}

func newRecorder(m *model) *recorder {
	return &recorder{m, map[tracker.InfoHash]tracker.Record{}, map[tracker.InfoHash]bool{},
		map[tracker.InfoHash]bool{}, map[tracker.InfoHash]tracker.Record{}}
}

func (r *recorder) Settle(s tracker.Settlement) {
	r.settled += len(s.Partial)
	r.src.Settle(s)
}

func (r *recorder) Expired(record tracker.Record) bool { return r.src.Expired(record) }

func (r *recorder) TakeChanges(dst []tracker.Change, limit int) []tracker.Change {
	before := len(dst)
	dst = r.src.TakeChanges(dst, limit)
	for _, c := range dst[before:] {
		if c.Removed {
			r.gone[c.InfoHash] = true
			delete(r.records, c.InfoHash)
			delete(r.earlier, c.InfoHash)
			delete(r.removed, c.InfoHash)
			continue
		}
		if old, ok := r.records[c.InfoHash]; ok {
			r.earlier[c.InfoHash] = old
		}
		r.records[c.InfoHash] = r.truth[c.InfoHash]
		r.unsure[c.InfoHash] = r.removed[c.InfoHash]
		delete(r.removed, c.InfoHash)
	}
	return dst
}

func (r *recorder) RestoreChanges(changes []tracker.Change) {
	r.src.RestoreChanges(changes)
	for _, c := range changes {
		if old, ok := r.earlier[c.InfoHash]; ok {
			r.records[c.InfoHash] = old
		} else {
			delete(r.records, c.InfoHash)
		}
		if c.Removed {
			delete(r.gone, c.InfoHash)
		}
		if c.Removed || r.unsure[c.InfoHash] {
			r.removed[c.InfoHash] = true
		}
	}
}
