package store

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"go.etcd.io/bbolt"

	"keeptrack/cmd/testenv"
	"keeptrack/tracker"
)

// checkpoint runs one, while the tracker goes on, that may fail.
func (m *model) checkpoint(t *testing.T, fail bool) {
	t.Helper()
	update := m.s.update
	if fail {
		failAfter(m.s, m.rng.IntN(4), m.rng.IntN(2) == 0)
	}
	if m.src.onExpired == nil && m.rng.IntN(2) == 0 {
		left := 100 // or it might never end
		m.src.onExpired = func() {
			if left--; left > 0 {
				m.mutate(2)
			}
		}
	}
	r := newRecorder(m)
	_, err := m.s.Checkpoint(r, Along{})
	m.src.onExpired, m.s.update = nil, update
	if err != nil {
		m.failed++
		if !fail {
			t.Fatal(err)
		}
	}
	for h := range r.gone {
		delete(m.durable, h)
	}
	for h, record := range r.records { // after it was removed, if it was
		m.durable[h] = record
	}
}

// crash copies the file at a random moment of a checkpoint and goes on with the
// copy. The copy may lack anything of that checkpoint, nothing of those before.
func (m *model) crash(t *testing.T) {
	t.Helper()
	m.crashed++
	durable, removed := maps.Clone(m.durable), maps.Clone(m.removed)
	var copied []byte
	countdown := m.rng.IntN(200)
	snapshot := func() {
		if countdown--; countdown == 0 {
			copied = read(t, m.path)
		}
	}
	m.src.onTake, m.src.onExpired = snapshot, snapshot
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

// look compares what is in the file, and that it is cut as the store believes.
func (m *model) look(t *testing.T) {
	t.Helper()
	all := map[tracker.InfoHash]tracker.Record{}
	err := m.s.db.View(func(tx *bbolt.Tx) error {
		index, _, err := walk(tx, func(r tracker.Record) { all[r.InfoHash] = r })
		if m.s.index.records != nil && !slices.Equal(index, m.s.index.records) {
			t.Errorf("chunks %+v, believed to be %+v", index, m.s.index.records)
		}
		for i, c := range index {
			if c.elements > m.s.limits.cutting.most && c.sequence > m.began {
				t.Errorf("chunk %d has %d records", i, c.elements)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	m.compare(t, all)
}

// reopen closes the store, whether or not all is written, and opens it again.
func (m *model) reopen(t *testing.T) {
	t.Helper()
	closeStore(t, m.s)
	m.open(t)
}

// finish writes everything. Then memory and file together must have the truth, and
// the file alone.
func (m *model) finish(t *testing.T) {
	t.Helper()
	m.src.onExpired = func() {} // nothing changes any more
	m.checkpoint(t, false)
	loaded := loadAll(t, m.s)
	for h, want := range m.truth {
		got, ok := loaded[h]
		if ok && got.Downloaded == want.Downloaded || m.expiring[h] {
			continue
		}
		// One without counts that was dropped before it was written is not there.
		if ok || want.Downloaded > 0 || m.src.torrents[h] != nil {
			t.Errorf("%+v in the file, %v, want %+v", got, ok, want)
		}
	}
	for h, tr := range m.src.torrents {
		if tr.partial || tr.dirty || tr.record != loaded[h] {
			t.Errorf("%+v in memory, %+v in the file", tr, loaded[h])
		}
	}
	if m.src.inFlight != 0 {
		t.Errorf("%d changes neither settled nor restored", m.src.inFlight)
	}
}

// TestRandomOperations compares the file after each restart and crash with the
// model: nothing written is lost, no count goes back, nothing is made up.
func TestRandomOperations(t *testing.T) {
	failed, crashed, evicted, settled, ran := 0, 0, 0, 0, 0
	seeds := testenv.Pick(8, 200)
	for seed := 1; seed <= seeds; seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			m := newModel(t, uint64(seed))
			for step := 0; step < 100 && !t.Failed(); step++ {
				m.step(t)
			}
			m.finish(t)
			closeStore(t, m.s)
			failed, crashed, evicted, settled, ran = failed+m.failed, crashed+m.crashed, evicted+m.evicted, settled+m.settled, ran+1
		})
	}
	t.Logf("%d checkpoints failed, %d crashes, %d evicted, %d settled", failed, crashed, evicted, settled)
	if ran == seeds && (failed == 0 || crashed == 0 || evicted == 0 || settled == 0) { // not if -run has picked one
		t.Error("the test does not test")
	}
}

// step does something at random and looks at the file.
func (m *model) step(t *testing.T) {
	t.Helper()
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
	m.look(t)
}
