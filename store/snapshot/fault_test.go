package snapshot

import (
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"keeptrack/tracker"
)

// faulty is a file that fails at a step.
type faulty struct {
	target
	left     int // writes that work
	short    bool
	commit   error // instead of committing
	after    error // once it is committed
	discards int
}

func (f *faulty) Write(b []byte) (int, error) {
	if f.left--; f.left >= 0 {
		return f.target.Write(b)
	}
	if f.short {
		n, _ := f.target.Write(b[:len(b)/2])
		return n, syscall.ENOSPC
	}
	return 0, syscall.EIO
}

func (f *faulty) Commit() error {
	if f.commit != nil {
		return f.commit
	}
	return errors.Join(f.target.Commit(), f.after)
}

func (f *faulty) Discard() {
	f.discards++
	f.target.Discard()
}

// attempt writes a snapshot to a file that fails.
func attempt(db string, f *faulty, peers []tracker.PeerState) error {
	file, err := create(Path(db))
	if err != nil {
		return err
	}
	f.target = file
	w, err := begin(Path(db), f)
	if err != nil {
		return err
	}
	defer w.Discard()
	s := w.Section()
	for some := range slices.Chunk(peers, 1000) {
		if err := s.Add(some); err != nil {
			return err
		}
	}
	if err := s.Flush(); err != nil {
		return err
	}
	_, err = w.Commit()
	return err
}

// TestFailedSnapshot: at whatever step writing fails, the snapshot before stays as it
// is, nothing else is left, and the next one works.
func TestFailedSnapshot(t *testing.T) {
	old, peers := somePeers(500), somePeers(30_000)
	writes := 0
	for steps := 0; ; steps++ {
		db := database(t)
		f := &faulty{left: steps}
		if err := attempt(db, f, peers); err == nil {
			writes = steps
			break
		}
	}
	if writes < 4 {
		t.Fatalf("%d writes are too few to fail at", writes)
	}
	faults := map[string]*faulty{
		"flushing": {left: writes, commit: syscall.EIO},
		"renaming": {left: writes, commit: syscall.EROFS},
	}
	for n := range writes {
		faults["write "+string(rune('a'+n))] = &faulty{left: n}
		faults["half of write "+string(rune('a'+n))] = &faulty{left: n, short: true}
	}
	for name, f := range faults {
		t.Run(name, func(t *testing.T) {
			db := database(t)
			save(t, db, old)
			if err := attempt(db, f, peers); err == nil || !strings.Contains(err.Error(), Path(db)) {
				t.Errorf("%v, want one with the path", err)
			}
			if f.discards != 1 {
				t.Errorf("discarded %d times", f.discards)
			}
			got, info := load(t, db, sameTime)
			wantPeers(t, got, old)
			if _, err := os.Stat(Path(db) + partSuffix); err == nil || info.Damaged > 0 {
				t.Errorf("%+v, temporary file: %v", info, err)
			}
			save(t, db, peers)
			got, _ = load(t, db, sameTime)
			wantPeers(t, got, peers)
		})
	}
	t.Run("flushing the folder", func(t *testing.T) {
		db := database(t)
		save(t, db, old)
		if err := attempt(db, &faulty{left: writes, after: syscall.EIO}, peers); !errors.Is(err, syscall.EIO) {
			t.Errorf("%v", err)
		}
		got, _ := load(t, db, sameTime)
		wantPeers(t, got, peers)
	})
}

// TestExpectedSize: what a snapshot is said to take is about what it takes.
func TestExpectedSize(t *testing.T) {
	peers, hashes, n := somePeers(30_000), map[tracker.InfoHash]bool{}, [2]uint64{}
	for _, p := range peers {
		hashes[p.InfoHash] = true
		n[p.Peer.Family()]++
	}
	size := save(t, database(t), peers).Bytes
	if got := expected(len(hashes), n); got < size || got > size*11/10 {
		t.Errorf("%d bytes expected, it takes %d", got, size)
	}
}

// TestNoRoomForAll: what the disk has no room for is not begun.
func TestNoRoomForAll(t *testing.T) {
	db := database(t)
	save(t, db, somePeers(10))
	if _, err := Create(db, 1<<40, [2]uint64{1 << 40, 0}); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), Path(db)) {
		t.Errorf("%v, want no space with the path", err)
	}
	if removed, err := DropPart(db); removed || err != nil {
		t.Errorf("the temporary file was left, or %v", err)
	}
	if _, info := load(t, db, sameTime); info.Peers != 10 {
		t.Errorf("%+v", info)
	}
}

// TestUnwritableFolder: without a folder to write to there is an error, and no file.
func TestUnwritableFolder(t *testing.T) {
	if _, err := Create(database(t)+"/nowhere/keeptrack.db", 0, [2]uint64{}); err == nil {
		t.Error("a snapshot in a folder that is not there")
	}
}
