package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"keeptrack/cmd/testenv"
	"keeptrack/store/snapshot"
	"keeptrack/tracker"
)

// crowd are peers of swarms of ten, with ages of up to half an hour and any flags.
type crowd []tracker.PeerState

// newCrowd returns n of them; those of another kind are of other torrents.
func newCrowd(n int, kind byte) crowd {
	all := make(crowd, n)
	for i := range all {
		p := &all[i]
		binary.BigEndian.PutUint64(p.InfoHash[:], uint64(i/10)*0x9e3779b97f4a7c15)
		p.InfoHash[19] = kind
		p.Peer = tracker.MakePeer4([4]byte{8, byte(i >> 16), byte(i >> 8), byte(i)}, 6881)
		p.Age, p.Flags = uint32(i%1800), tracker.PeerFlags(i%8)
		if p.Flags&tracker.PeerSeeds != 0 {
			p.Flags &^= tracker.PeerPaused
		}
	}
	return all
}

// save writes the crowd into the snapshot beside the database in dir.
func (c crowd) save(t *testing.T, dir string) {
	t.Helper()
	newLibrary(1).save(t, dir) // the database
	w, err := snapshot.Create(filepath.Join(dir, "keeptrack.db"), len(c), [2]uint64{uint64(len(c))})
	if err != nil {
		t.Fatal(err)
	}
	s := w.Section()
	if err := firstError(s.Add(c), s.Flush()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(); err != nil {
		t.Fatal(err)
	}
}

// savedIn returns the peers of the snapshot in dir.
func savedIn(t *testing.T, dir string) map[tracker.Peer]tracker.PeerState {
	t.Helper()
	r, err := snapshot.Open(filepath.Join(dir, "keeptrack.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var mu sync.Mutex // several goroutines read
	all := make(map[tracker.Peer]tracker.PeerState)
	if _, err := r.Each(func(some []tracker.PeerState) {
		mu.Lock()
		defer mu.Unlock()
		for _, p := range some {
			all[p.Peer] = p
		}
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// wantIn expects the snapshot in dir to hold this share of the crowd at least, with the
// same torrents and flags, and ages that have gone on since began and no further.
func (c crowd) wantIn(t *testing.T, dir string, share float64, began time.Time) {
	t.Helper()
	saved := savedIn(t, dir)
	passed, there := uint32(time.Since(began)/time.Second), 0
	for i := range c {
		p, ok := saved[c[i].Peer]
		if !ok {
			continue
		}
		there++
		if p.InfoHash != c[i].InfoHash || p.Flags != c[i].Flags || p.Age < c[i].Age || p.Age > c[i].Age+passed+12 {
			t.Fatalf("%+v is saved %d s after it was %+v", p, passed, c[i])
		}
	}
	if float64(there) < share*float64(len(c)) {
		t.Errorf("%d of %d peers have arrived", there, len(c))
	}
}

const (
	storedPeers = `keeptrack_peers{family="ipv4"}`
	peersIn     = `keeptrack_livesync_packets_total{direction="in",type="peers"}`
	takenPeers  = "keeptrack_livesync_peers_taken_total"
	resentPeers = "keeptrack_livesync_peers_resent_total"
)

// public has peers at public addresses stay for 45 minutes, and live sync as it is by
// default.
var public = settings{
	"tracker.peer_timeout":        `"45m"`,
	"tracker.announce_interval":   `"30m"`,
	"livesync.beacon_interval":    `"1m"`,
	"livesync.first_beacon_delay": `"30m"`,
}

// waitFilled waits until the instance has this many peers and is ready, and returns how
// long after began that was.
func (d *instance) waitFilled(peers int, began time.Time) time.Duration {
	d.t.Helper()
	d.waitMetric(storedPeers, float64(peers))
	took := time.Since(began)
	waitFor(d.t, "the newcomer to be ready", func() bool { status, _ := d.readyz(); return status == http.StatusOK })
	return took
}

// TestANewcomerHasThePeersWithinSeconds has an instance without anything join another
// one, over a network that loses packets or does not.
func TestANewcomerHasThePeersWithinSeconds(t *testing.T) {
	for _, loss := range []int{0, 5, 20} {
		t.Run(fmt.Sprintf("%d percent lost", loss), func(t *testing.T) {
			l := newLAN(t, 2)
			if loss > 0 {
				l.lose(loss)
			}
			all := newCrowd(testenv.Pick(100_000, 1_000_000), 0)
			dirs := []string{t.TempDir(), t.TempDir()}
			saved := time.Now()
			all.save(t, dirs[0])
			mate := l.start(0, dirs[0], public)
			began := time.Now()
			newcomer := l.start(1, dirs[1], public)
			if status, text := newcomer.readyz(); newcomer.metric(storedPeers) < 0.99*float64(len(all)) && (status == http.StatusOK || !strings.Contains(text, "waiting for the peers")) {
				t.Errorf("/readyz says %d %q before the peers have come", status, text)
			}
			took := newcomer.waitFilled(len(all)*99/100, began)
			t.Logf("%d peers %s after the start, %g packets, %g sent again", len(all), took, newcomer.metric(peersIn), mate.metric(resentPeers))
			waitFor(t, "all peers", func() bool { return newcomer.peersState() == "filled" })
			newcomer.stop()
			mate.stop()
			all.wantIn(t, dirs[1], 1, saved)
		})
	}
}

// peersState returns what /api/v1/cluster says of how far the instance is.
func (d *instance) peersState() string {
	d.t.Helper()
	var c struct{ Peers struct{ State string } }
	if err := json.Unmarshal([]byte(d.mustAPI(http.MethodGet, "cluster")), &c); err != nil {
		d.t.Fatal(err)
	}
	return c.Peers.State
}

// TestANewcomerOutlivesItsMate kills the mate that tells in the middle. The newcomer has
// peers of its own, which the mates lack.
func TestANewcomerOutlivesItsMate(t *testing.T) {
	l := newLAN(t, 3)
	all, own := newCrowd(100_000, 0), newCrowd(200_000, 1)[150_000:]
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	saved := time.Now()
	all.save(t, dirs[0])
	all[:len(all)-10].save(t, dirs[1])
	own.save(t, dirs[2])
	slow := public.with(settings{"livesync.peer_rate": "60000"})
	many, few := l.start(0, dirs[0], slow), l.start(1, dirs[1], public)
	waitFor(t, "the mates to be ready", func() bool {
		a, _ := many.readyz()
		b, _ := few.readyz()
		return a == http.StatusOK && b == http.StatusOK
	})
	newcomer := l.start(2, dirs[2], public)
	newcomer.waitMetric(takenPeers, 10_000)
	many.kill()
	if n := newcomer.metric(takenPeers); n > 90_000 {
		t.Fatalf("%g peers had come already", n)
	}
	newcomer.waitMetric(storedPeers, float64(len(all)-10+len(own)))
	waitFor(t, "the peers of the other mate", func() bool { return newcomer.peersState() == "filled" })
	newcomer.stop()
	few.stop()
	all[:len(all)-10].wantIn(t, dirs[2], 1, saved)
	own.wantIn(t, dirs[2], 1, saved)
}
