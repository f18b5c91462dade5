package store

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/rs/zerolog"

	"keeptrack/cmd/testenv"
	"keeptrack/tracker"
)

// partsModel is what the records and parts in a file must be, kept as naively as can be.
// Every state of a torrent has a LastAnnounce of its own, higher than those before.
type partsModel struct {
	rng     *rand.Rand
	version uint32
	hashes  []tracker.InfoHash
	truth   map[tracker.InfoHash]torrentState // in memory and in the file together
	history map[uint32]torrentState           // by LastAnnounce
	durable map[tracker.InfoHash]uint32       // LastAnnounce of what a checkpoint has written, 0 of none
	removed map[tracker.InfoHash]uint32       // the version when it was removed last
	state   Origins
	origins int // begun

	path    string
	s       *Store
	src     *partsSource
	crashes int
	failed  int
	folds   int
	settled int
}

// torrentState is a torrent with the excess among its parts.
type torrentState struct {
	record tracker.Record
	parts  map[tracker.Origin]uint64
}

// partsSource is a fakeSource that takes parts from the file too.
type partsSource struct {
	*fakeSource
	settled *int
}

func (s *partsSource) Settle(done tracker.Settlement) {
	for _, in := range done.Partial {
		t := s.torrents[in.InfoHash]
		if t == nil || !t.partial {
			continue
		}
		*s.settled++
		s.parts[in.InfoHash] = map[tracker.Origin]uint64{}
		for _, p := range in.Parts {
			s.parts[in.InfoHash][p.Origin] = p.Value
		}
		if sum := in.Downloaded + t.record.Downloaded; t.floor > sum {
			s.parts[in.InfoHash][tracker.Nobody] += t.floor - sum
		}
	}
	s.fakeSource.Settle(done)
}

// open opens the file, compares it, and goes on from there with a new origin. Memory
// takes in a part of it, sometimes.
func (m *partsModel) open(t *testing.T) {
	t.Helper()
	s, err := Open(m.path, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	s.db.NoSync = true
	s.limits.batch = 1 + m.rng.IntN(30)
	s.limits.cutting.target = 2 + m.rng.IntN(20)
	s.limits.cutting.most = s.limits.cutting.target + m.rng.IntN(10)
	m.s = s
	m.compare(t)
	m.src = &partsSource{newFakeSource(), &m.settled}
	m.src.parts = partsOf{}
	m.truth = map[tracker.InfoHash]torrentState{}
	parts, leave := loadParts(t, s), m.rng.IntN(3) == 0
	for h, r := range loadAll(t, s) {
		m.truth[h] = torrentState{r, maps.Clone(parts[h])}
		if leave && m.rng.IntN(2) == 0 {
			m.src.fileOnly = true
			continue
		}
		m.src.load(r)
		m.src.parts[h] = maps.Clone(parts[h])
	}
	if m.state, err = s.Origins(); err != nil {
		t.Fatal(err)
	}
	m.begin(t)
}

// begin ends the present origin and begins another.
func (m *partsModel) begin(t *testing.T) {
	t.Helper()
	if m.state.Present != tracker.Nobody {
		m.state.Ended = append(m.state.Ended, m.state.Present)
	}
	m.origins++
	m.state.Present = tracker.Origin{1, byte(m.origins >> 8), byte(m.origins)}
	if err := m.s.SaveOrigins(m.state); err != nil {
		t.Fatal(err)
	}
}

// compare checks what is in the file: of each torrent a state that it had, none older
// than what was written, with the parts that are not folded by what the file says.
func (m *partsModel) compare(t *testing.T) {
	t.Helper()
	o, err := m.s.Origins()
	if err != nil {
		t.Fatal(err)
	}
	all, parts := loadAll(t, m.s), loadParts(t, m.s)
	for _, h := range m.hashes {
		r, ok := all[h]
		if !ok {
			if m.durable[h] > m.removed[h] {
				t.Errorf("%s is missing, version %d was written", h, m.durable[h])
			}
			continue
		}
		was, known := m.history[r.LastAnnounce]
		if !known || was.record != r || r.LastAnnounce < m.durable[h] {
			t.Errorf("%+v in the file, at version %d it was %+v, %d was written", r, r.LastAnnounce, was.record, m.durable[h])
			continue
		}
		want := held(was.parts)
		for _, f := range o.Folded {
			delete(want, f)
		}
		if !maps.Equal(parts[h], want) {
			t.Errorf("%s: parts %v, at version %d they were %v, folded are %v", h, parts[h], r.LastAnnounce, was.parts, o.Folded)
		}
	}
}

// mutate does up to n things.
func (m *partsModel) mutate(t *testing.T, n int) {
	t.Helper()
	for range m.rng.IntN(n + 1) {
		h := m.hashes[m.rng.IntN(len(m.hashes))]
		switch m.rng.IntN(14) {
		case 0:
			m.fold()
		case 1:
			m.begin(t)
		case 2:
			m.remove(h)
		case 3:
			if tr := m.src.torrents[h]; tr != nil && tr.saved && !tr.dirty {
				m.src.evict(h)
				delete(m.src.parts, h)
			}
		case 4, 5:
			m.tell(h)
		case 6, 7:
			m.raise(h)
		default:
			m.complete(h)
		}
	}
}

// next begins a new state of a torrent.
func (m *partsModel) next(h tracker.InfoHash) torrentState {
	m.version++
	s := m.truth[h]
	s.record.InfoHash, s.record.LastAnnounce = h, m.version
	if s.parts = maps.Clone(s.parts); s.parts == nil {
		s.parts = map[tracker.Origin]uint64{}
	}
	return s
}

// set notes a state, and has memory hold it unless the torrent is partial there.
func (m *partsModel) set(s torrentState) {
	h := s.record.InfoHash
	m.truth[h], m.history[s.record.LastAnnounce] = s, s
	if t := m.src.torrent(h); !t.partial {
		t.record, t.dirty = s.record, true
		if m.src.parts[h] == nil {
			m.src.parts[h] = map[tracker.Origin]uint64{}
		}
		maps.Copy(m.src.parts[h], s.parts)
	}
}

// complete counts a completed download, nobody's if the torrent is partial.
func (m *partsModel) complete(h tracker.InfoHash) {
	back := m.src.removed[h]
	s, t := m.next(h), m.src.torrent(h)
	s.record.Downloaded++
	if t.partial {
		m.src.complete(h, m.version)
	} else {
		s.parts[m.state.Present]++
		if back { // the file may still have its excess
			s.parts[tracker.Nobody] += 0
		}
	}
	m.set(s)
}

// tell takes in a floor.
func (m *partsModel) tell(h tracker.InfoHash) {
	if m.src.torrents[h] == nil {
		return
	}
	s := m.next(h)
	n := s.record.Downloaded + m.rng.Uint64N(6) - min(s.record.Downloaded, 3)
	if m.src.torrents[h].partial {
		m.src.tell(h, m.version, n)
	}
	if n > s.record.Downloaded {
		s.parts[tracker.Nobody] += n - s.record.Downloaded
		s.record.Downloaded = n
	}
	m.set(s)
}

// raise takes in a higher part of an origin that has ended.
func (m *partsModel) raise(h tracker.InfoHash) {
	if t := m.src.torrents[h]; t == nil || t.partial || len(m.state.Ended) == 0 {
		return
	}
	s, d := m.next(h), 1+m.rng.Uint64N(3)
	absorbed := min(s.parts[tracker.Nobody], d)
	if absorbed > 0 {
		s.parts[tracker.Nobody] -= absorbed
	}
	s.record.Downloaded += d - absorbed
	s.parts[m.state.Ended[m.rng.IntN(len(m.state.Ended))]] += d
	m.set(s)
}

// fold folds an origin that has ended. No record changes.
func (m *partsModel) fold() {
	if len(m.state.Ended) == 0 {
		return
	}
	i := m.rng.IntN(len(m.state.Ended))
	o := m.state.Ended[i]
	m.state.Ended = slices.Delete(slices.Clone(m.state.Ended), i, i+1)
	m.state.Folded = append(slices.Clone(m.state.Folded), o)
	for h, s := range m.truth {
		s.parts = maps.Clone(s.parts)
		delete(s.parts, o)
		m.truth[h] = s
		delete(m.src.parts[h], o)
	}
	m.folds++
}

// remove forgets a torrent without parts that are not folded.
func (m *partsModel) remove(h tracker.InfoHash) {
	t := m.src.torrents[h]
	if t == nil || t.partial {
		return
	}
	for o := range m.truth[h].parts {
		if o != tracker.Nobody {
			return
		}
	}
	if m.src.remove(h) {
		m.version++
		m.removed[h] = m.version
		delete(m.truth, h)
		delete(m.src.parts, h)
	}
}

// checkpoint runs one, during which things go on and which may fail.
func (m *partsModel) checkpoint(t *testing.T, fail bool, look func()) {
	t.Helper()
	update := m.s.update
	if fail {
		failAfter(m.s, m.rng.IntN(4), m.rng.IntN(2) == 0)
	}
	m.src.onTake = look
	_, err := m.s.Checkpoint(m.src, Along{Origins: func() *Origins {
		look()
		if m.rng.IntN(4) == 0 {
			m.fold() // changes were taken before
		}
		return &m.state
	}})
	m.src.onTake, m.s.update = nil, update
	if err != nil {
		m.failed++
		if !fail {
			t.Fatal(err)
		}
		return
	}
	for _, h := range m.hashes {
		if tr := m.src.torrents[h]; tr != nil && !tr.dirty {
			m.durable[h] = tr.record.LastAnnounce
			if got, want := held(m.src.parts[h]), held(m.truth[h].parts); !maps.Equal(got, want) {
				t.Errorf("%s: parts %v in memory, want %v", h, got, want)
			}
		}
	}
}

// held returns the parts that are not 0.
func held(parts map[tracker.Origin]uint64) map[tracker.Origin]uint64 {
	parts = maps.Clone(parts)
	maps.DeleteFunc(parts, func(_ tracker.Origin, n uint64) bool { return n == 0 })
	return parts
}

// crash goes on with a copy of the file as of a random moment of a checkpoint.
func (m *partsModel) crash(t *testing.T) {
	t.Helper()
	m.crashes++
	durable := maps.Clone(m.durable)
	var copied []byte
	countdown := m.rng.IntN(20)
	m.checkpoint(t, m.rng.IntN(4) == 0, func() {
		if countdown--; countdown == 0 {
			copied = read(t, m.path)
		}
	})
	if copied == nil {
		copied = read(t, m.path)
	}
	closeStore(t, m.s)
	write(t, m.path, copied)
	m.durable = durable
	m.open(t)
}

// TestRandomParts compares records and parts after each restart and crash with the
// model: each torrent has the parts that belong to its record, whatever was folded
// meanwhile.
func TestRandomParts(t *testing.T) {
	var crashes, failed, folds, settled int
	for seed := range testenv.Pick(60, 2000) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := &partsModel{rng: rand.New(rand.NewPCG(uint64(seed), 5)), history: map[uint32]torrentState{},
				durable: map[tracker.InfoHash]uint32{}, removed: map[tracker.InfoHash]uint32{}, path: testPath(t)}
			for i := range 1 + m.rng.IntN(80) {
				m.hashes = append(m.hashes, testHash(m.rng.IntN(256), i))
			}
			m.open(t)
			for range 40 {
				m.mutate(t, 60)
				switch m.rng.IntN(6) {
				case 0:
					m.crash(t)
				case 1:
					closeStore(t, m.s)
					m.open(t)
				default:
					m.checkpoint(t, m.rng.IntN(4) == 0, func() {})
					rawParts(t, m.s)
				}
				if t.Failed() {
					break
				}
			}
			m.checkpoint(t, false, func() {})
			m.compare(t)
			closeStore(t, m.s)
			wantSound(t, m.path)
			crashes, failed, folds, settled = crashes+m.crashes, failed+m.failed, folds+m.folds, settled+m.settled
		})
	}
	if crashes == 0 || failed == 0 || folds == 0 || settled == 0 {
		t.Errorf("%d crashes, %d failures, %d folds, %d partial changes", crashes, failed, folds, settled)
	}
}
