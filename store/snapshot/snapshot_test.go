package snapshot

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"keeptrack/tracker"
)

// database returns the path of a database that is not there, in a folder that is.
func database(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "keeptrack.db")
}

// somePeers returns n peers of torrents with one to a few peers, and of one with many.
func somePeers(n int) []tracker.PeerState {
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	all := make([]tracker.PeerState, n)
	h := tracker.InfoHash{}
	for i := range all {
		if rng.IntN(2) == 0 && (i < n/4 || i > n/2) {
			binary.BigEndian.PutUint64(h[4:], rng.Uint64())
		}
		all[i] = tracker.PeerState{InfoHash: h, Peer: peer(i), Age: uint32(rng.IntN(3000)), Flags: tracker.PeerFlags(rng.IntN(8))}
	}
	return all
}

// peer returns the i-th of different peers of both families.
func peer(i int) tracker.Peer {
	a := [16]byte{0: 0x2a, 1: 1}
	binary.BigEndian.PutUint32(a[12:], uint32(i))
	if i%3 == 0 {
		return tracker.MakePeer6(a, uint16(i))
	}
	return tracker.MakePeer4([4]byte(a[12:]), uint16(i))
}

// save writes a snapshot in pieces, as a tracker gives them.
func save(t testing.TB, database string, peers []tracker.PeerState) Totals {
	t.Helper()
	w, err := Create(database, 0, [2]uint64{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Discard()
	s := w.Section()
	for some := range slices.Chunk(peers, 1000) {
		if err := s.Add(some); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	totals, err := w.Commit()
	if err != nil {
		t.Fatal(err)
	}
	return totals
}

// load reads what can be read of a snapshot. change, if not nil, alters the reader.
func load(t testing.TB, database string, change func(r *Reader)) ([]tracker.PeerState, Info) {
	t.Helper()
	r, err := Open(database)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if change != nil {
		change(r)
	}
	var mu sync.Mutex
	var all []tracker.PeerState
	info, err := r.Each(func(some []tracker.PeerState) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, some...)
	})
	if err != nil {
		t.Fatal(err)
	}
	return all, info
}

// sameTime makes a reader open a snapshot at the moment at which it was begun.
func sameTime(r *Reader) { r.at = r.began }

func compare(a, b tracker.PeerState) int {
	var x, y [tracker.CompactSize6]byte
	return cmp.Or(bytes.Compare(a.InfoHash[:], b.InfoHash[:]), bytes.Compare(a.Peer.AppendCompact(x[:0]), b.Peer.AppendCompact(y[:0])),
		cmp.Compare(a.Age, b.Age), cmp.Compare(a.Flags, b.Flags))
}

// wantPeers compares peers in any order.
func wantPeers(t testing.TB, got, want []tracker.PeerState) {
	t.Helper()
	got, want = slices.Clone(got), slices.Clone(want)
	slices.SortFunc(got, compare)
	slices.SortFunc(want, compare)
	if !slices.Equal(got, want) {
		t.Errorf("%d peers, want %d, or others", len(got), len(want))
	}
}

func TestPeersAreReadAsWritten(t *testing.T) {
	for _, n := range []int{1, 2, 1000, 5000, 40_000} {
		db, peers := database(t), somePeers(n)
		totals := save(t, db, peers)
		got, info := load(t, db, sameTime)
		wantPeers(t, got, peers)
		if totals.Peers != uint64(n) || info.Peers != uint64(n) || info.Size != totals.Bytes || info.Damaged != 0 || info.Lost != 0 {
			t.Errorf("%d peers: written %+v, read %+v", n, totals, info)
		}
		if file, err := os.Stat(Path(db)); err != nil || file.Mode() != 0o600 || file.Size() != totals.Bytes {
			t.Errorf("%v, %v", file, err)
		}
		if _, err := os.Stat(Path(db) + partSuffix); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the temporary file is left: %v", err)
		}
	}
}

// TestBytesOfATorrent holds what a torrent with one peer costs.
func TestBytesOfATorrent(t *testing.T) {
	const n = 50_000
	for family, most := range map[tracker.Family]int{tracker.IPv4: 32, tracker.IPv6: 44} {
		peers := make([]tracker.PeerState, 0, n)
		for i := 0; len(peers) < n; i++ {
			if p := peer(i); p.Family() == family {
				s := tracker.PeerState{Peer: p, Age: uint32(i % 2700), Flags: tracker.PeerSeeds}
				binary.BigEndian.PutUint64(s.InfoHash[:], uint64(i))
				peers = append(peers, s)
			}
		}
		if totals := save(t, database(t), peers); totals.Bytes > int64(most*n) {
			t.Errorf("%v: %d bytes a torrent, want at most %d", family, totals.Bytes/n, most)
		}
	}
}

// TestSectionsSideBySide: several goroutines write parts of one snapshot.
func TestSectionsSideBySide(t *testing.T) {
	db, peers := database(t), somePeers(60_000)
	w, err := Create(db, 0, [2]uint64{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Discard()
	var all sync.WaitGroup
	for some := range slices.Chunk(peers, 20_000) {
		s := w.Section()
		all.Go(func() {
			if err := errors.Join(s.Add(some), s.Flush()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if _, err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	got, _ := load(t, db, sameTime)
	wantPeers(t, got, peers)
}

// TestDiscardedSnapshot: the one before stays until the next is whole.
func TestDiscardedSnapshot(t *testing.T) {
	db, peers := database(t), somePeers(10)
	save(t, db, peers)
	w, err := Create(db, 0, [2]uint64{})
	if err != nil {
		t.Fatal(err)
	}
	s := w.Section()
	if err := errors.Join(s.Add(somePeers(20_000)), s.Flush()); err != nil {
		t.Fatal(err)
	}
	got, _ := load(t, db, sameTime)
	wantPeers(t, got, peers)
	w.Discard()
	w.Discard()
	if removed, err := DropPart(db); removed || err != nil {
		t.Errorf("the temporary file was left, or %v", err)
	}
	got, _ = load(t, db, sameTime)
	wantPeers(t, got, peers)
}

func TestDrop(t *testing.T) {
	db := database(t)
	if n, err := Drop(db); n != 0 || err != nil {
		t.Errorf("nothing there: %d, %v", n, err)
	}
	save(t, db, somePeers(10))
	if err := os.WriteFile(Path(db)+partSuffix, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if removed, err := DropPart(db); !removed || err != nil {
		t.Errorf("the temporary file: %v, %v", removed, err)
	}
	if err := os.WriteFile(Path(db)+partSuffix, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := Drop(db); n != 2 || err != nil {
		t.Errorf("both: %d, %v", n, err)
	}
	if left, err := os.ReadDir(filepath.Dir(db)); len(left) > 0 || err != nil {
		t.Errorf("%v is left, %v", left, err)
	}
	if _, err := Inspect(db); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, want none", err)
	}
}

func TestInspect(t *testing.T) {
	db := database(t)
	before := time.Now()
	totals := save(t, db, somePeers(3000))
	info, err := Inspect(db)
	if err != nil {
		t.Fatal(err)
	}
	if info.Peers != 3000 || info.Size != totals.Bytes || info.Damaged != 0 || info.Age > time.Since(before) ||
		info.Began.Before(before.Round(0)) || info.Began.After(time.Now()) {
		t.Errorf("%+v", info)
	}
}

// TestMemory: neither writing nor reading needs memory that grows with the peers.
func TestMemory(t *testing.T) {
	db, peers := database(t), somePeers(200_000)
	few := testing.AllocsPerRun(1, func() { save(t, db, peers[:100_000]) })
	many := testing.AllocsPerRun(1, func() { save(t, db, peers) })
	if many > few+10 {
		t.Errorf("%v allocations for half of the peers, %v for all", few, many)
	}
	read := func() {
		if _, err := Inspect(db); err != nil {
			t.Fatal(err)
		}
	}
	all := testing.AllocsPerRun(1, read)
	save(t, db, peers[:100_000])
	if half := testing.AllocsPerRun(1, read); all > half+10 {
		t.Errorf("%v allocations to read half of the peers, %v for all", half, all)
	}
}
