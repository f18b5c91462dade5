package daemon

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/cmd/internal/config"
	"keeptrack/store"
	"keeptrack/store/snapshot"
	"keeptrack/tracker"
)

// keeperRig is a peerKeeper whose Run goes on, in virtual time.
type keeperRig struct {
	*peerKeeper
	t   *testing.T
	log *logText
	end func()
}

// logText is a log that is read while it is written.
type logText struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

func (l *logText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// newKeeperRig makes a keeper with n peers in as many torrents.
func newKeeperRig(t *testing.T, n int, c config.Store) *keeperRig {
	t.Helper()
	s, err := store.Open(c.Path, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	tr := tracker.New(tracker.Options{PeerTimeout: 24 * time.Hour}, now)
	for i := range n {
		a := tracker.Announce{InfoHash: tracker.InfoHash{byte(i), byte(i >> 8)}, Peer: tracker.MakePeer4([4]byte{8, 8, 8, 8}, 1), Left: 1}
		tr.Announce(tr.Instant(now), &a, &tracker.Reply{})
	}
	k := &keeperRig{t: t, log: &logText{}}
	full := &config.Config{Tracker: config.Tracker{PeerTimeout: 24 * time.Hour}, Store: c}
	k.peerKeeper = newPeerKeeper(c.Path, s, tr, full, zerolog.New(k.log))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- k.Run(ctx) }()
	k.end = func() {
		t.Helper()
		cancel()
		if err := errors.Join(<-done, s.Close()); err != nil {
			t.Error(err)
		}
	}
	return k
}

// inSnapshot expects a snapshot of so many peers on disk; 0: there is none.
func (k *keeperRig) inSnapshot(when string, want uint64) {
	k.t.Helper()
	synctest.Wait()
	info, err := snapshot.Inspect(k.database)
	if info.Peers != want || (want == 0) != errors.Is(err, os.ErrNotExist) {
		k.t.Errorf("%s: %d peers on disk, %v, want %d", when, info.Peers, err, want)
	}
}

func TestSnapshotsInTime(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		set := config.Store{Path: filepath.Join(dir, "keeptrack.db"), KeepPeers: true, PeersInterval: 5 * time.Minute}
		k := newKeeperRig(t, 100, set)
		defer k.end()
		time.Sleep(5*time.Minute - time.Second)
		k.inSnapshot("before the first interval is over", 0)
		time.Sleep(2 * time.Second)
		k.inSnapshot("after it", 100)

		set.KeepPeers = false
		k.set(set)
		k.inSnapshot("turned off", 0)
		time.Sleep(time.Hour)
		k.inSnapshot("an hour later", 0)
		set.KeepPeers, set.PeersInterval = true, 10*time.Minute
		k.set(set)
		time.Sleep(9 * time.Minute)
		k.inSnapshot("turned on, before the new interval is over", 0)
		time.Sleep(2 * time.Minute)
		k.inSnapshot("after it", 100)

		set.PeersInterval = 0
		k.set(set)
		k.drop()
		time.Sleep(time.Hour)
		k.inSnapshot("only at the stop", 0)
		k.last()
		k.inSnapshot("at the stop", 100)
		if n := strings.Count(k.log.String(), "store.keep_peers = false turns that off"); n != 1 {
			t.Errorf("%d warnings that addresses are on disk, want 1", n)
		}
		if s := k.snapshot(); s.done != 3 || s.failed != 0 || s.peers != 100 || s.err != nil {
			t.Errorf("%+v", s)
		}
	})
}

// TestSnapshotAborted: one that is being written when peers are not to be kept any more
// leaves nothing, and counts neither as done nor as failed.
func TestSnapshotAborted(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		set := config.Store{Path: filepath.Join(dir, "keeptrack.db"), KeepPeers: true}
		k := newKeeperRig(t, 100, set)
		defer k.end()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := k.save(ctx, true); err != nil {
			t.Error(err)
		}
		if s := k.snapshot(); s.done != 0 || s.failed != 0 {
			t.Errorf("%+v", s)
		}
		k.inSnapshot("aborted", 0)
		if left, err := os.ReadDir(dir); len(left) != 1 || err != nil {
			t.Errorf("files %v, %v", left, err)
		}
	})
}

// TestFailedSnapshotIsTold: in the log and the figures, and so is that they work again.
func TestFailedSnapshotIsTold(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		set := config.Store{Path: filepath.Join(dir, "keeptrack.db"), KeepPeers: true, PeersInterval: time.Minute}
		k := newKeeperRig(t, 10, set)
		defer k.end()
		inTheWay := filepath.Join(snapshot.Path(k.database)+".part", "x")
		if err := os.MkdirAll(inTheWay, 0o700); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2*time.Minute + time.Second)
		synctest.Wait()
		if s := k.snapshot(); s.failed != 2 || s.err == nil || strings.Count(k.log.String(), "peers not saved: it will be tried again") != 2 {
			t.Errorf("%+v\n%s", s, k.log)
		}
		if err := os.RemoveAll(filepath.Dir(inTheWay)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		k.inSnapshot("with nothing in the way", 10)
		if n := strings.Count(k.log.String(), "peers are saved again"); n != 1 {
			t.Errorf("said %d times that peers are saved again", n)
		}
	})
}

// TestPacer: it rests eight times as long as it works.
func TestPacer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, work := time.Now(), 3*workSlice
		p := newPacer(t.Context())
		for range 100 {
			time.Sleep(work)
			p.pause()
		}
		if took, want := time.Since(began), 100*(1+restFactor)*work; took != want {
			t.Errorf("took %v, want %v", took, want)
		}
		began = time.Now()
		p.pause()
		(*pacer)(nil).pause()
		if took := time.Since(began); took != 0 {
			t.Errorf("rested for %v without work", took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		p = newPacer(ctx)
		cancel()
		time.Sleep(time.Hour)
		began = time.Now()
		p.pause()
		if took := time.Since(began); took != 0 {
			t.Errorf("rested for %v after the end", took)
		}
	})
}
