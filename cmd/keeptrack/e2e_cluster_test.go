package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/store"
	"keeptrack/tracker"
)

// library is a set of torrents as they are in a database.
type library []tracker.Record

// newLibrary returns n torrents with counts, announced within the last hour.
func newLibrary(n int) library {
	now := uint32(time.Now().Unix() / 60)
	all := make(library, n)
	for i := range all {
		r := &all[i]
		binary.BigEndian.PutUint64(r.InfoHash[:], uint64(i)*0x9e3779b97f4a7c15)
		binary.BigEndian.PutUint32(r.InfoHash[16:], uint32(i))
		r.LastAnnounce = now - uint32(i%60)
		r.Downloaded = uint64(1 + i%1000)
	}
	return all
}

// unsaved is what of a library is to be written into a database.
type unsaved struct{ rest library }

func (u *unsaved) TakeChanges(dst []tracker.Change, limit int) []tracker.Change {
	n := min(limit, len(u.rest))
	for _, r := range u.rest[:n] {
		dst = append(dst, tracker.Change{Record: r})
	}
	u.rest = u.rest[n:]
	return dst
}

func (u *unsaved) RestoreChanges([]tracker.Change) {}
func (u *unsaved) Settle(tracker.Settlement)       {}
func (u *unsaved) Expired(tracker.Record) bool     { return false }

// save writes the library into the database in dir.
func (l library) save(t *testing.T, dir string) {
	t.Helper()
	s := openStore(t, dir)
	if _, err := s.Load(func(tracker.Record) {}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Checkpoint(&unsaved{l}, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// wantIn expects the database in dir to hold this share of the library at
// least, with the same counts and minutes, and nothing else.
func (l library) wantIn(t *testing.T, dir string, share float64) {
	t.Helper()
	want := make(map[tracker.InfoHash]tracker.Record, len(l))
	for _, r := range l {
		want[r.InfoHash] = r
	}
	s := openStore(t, dir)
	defer s.Close()
	wrong := 0
	n, err := s.Load(func(r tracker.Record) {
		if want[r.InfoHash] != r {
			wrong++
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if wrong > 0 || float64(n) < share*float64(len(l)) {
		t.Errorf("of %d torrents %d have arrived, %d of them with other figures", len(l), n, wrong)
	}
	t.Logf("%d of %d torrents have arrived", n, len(l))
}

// wantKept fails unless a database has every torrent of l.
func (l library) wantKept(t *testing.T, dir string) {
	t.Helper()
	s := openStore(t, dir)
	defer s.Close()
	kept := make(map[tracker.InfoHash]bool)
	if _, err := s.Load(func(r tracker.Record) { kept[r.InfoHash] = true }); err != nil {
		t.Fatal(err)
	}
	missing := 0
	for _, r := range l {
		if !kept[r.InfoHash] {
			missing++
		}
	}
	if missing > 0 {
		t.Errorf("the database has lost %d of %d torrents", missing, len(l))
	}
}

func openStore(t *testing.T, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(filepath.Join(dir, "keeptrack.db"), zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// at returns the settings with the database in dir.
func (s settings) at(dir string) settings {
	return s.with(settings{"store.path": fmt.Sprintf("%q", filepath.Join(dir, "keeptrack.db"))})
}

// hasty makes scrape sync show within seconds what takes an hour by default.
var hasty = settings{
	"livesync.first_beacon_delay": `"100ms"`,
	"livesync.beacon_interval":    `"250ms"`,
	"livesync.tell_rate":          "5000",
}

// TestARestartedInstanceTellsFromDisk holds that a tell is answered from what
// the database had, although no client has announced since the start.
func TestARestartedInstanceTellsFromDisk(t *testing.T) {
	const torrents = 100_000
	g := newMulticastGroup(t)
	dir, empty := t.TempDir(), t.TempDir()
	all := newLibrary(torrents)
	all.save(t, dir)
	teller := g.member(hasty).at(dir).with(settings{"livesync.id": `"0000000a"`})
	start(t, teller).stop()

	asker := start(t, g.member(hasty).at(empty))
	began := time.Now()
	told := start(t, teller)
	if told.torrents != torrents {
		t.Fatalf("%d torrents loaded", told.torrents)
	}
	waitFor(t, "every torrent", func() bool {
		const drops = `keeptrack_kernel_receive_drops_total{socket="livesync"}`
		if n := asker.metric(drops); n > 0 { // what is lost is not told again
			t.Fatalf("the receive buffer was too small: the system has dropped %g packets", n)
		}
		return asker.metric("keeptrack_torrents") >= torrents
	})
	t.Logf("all there %s after the restart", time.Since(began))
	if n := told.metric(`keeptrack_requests_total{action="announce",family="ipv4",result="ok",transport="udp"}`); n != 0 {
		t.Errorf("%g announces", n)
	}
	told.stop()
	asker.stop()
	all.wantIn(t, empty, 1)
}

// TestClusterAPI holds that the admin address shows who is there.
func TestClusterAPI(t *testing.T) {
	g := newMulticastGroup(t)
	dir := t.TempDir()
	newLibrary(50).save(t, dir)
	start(t, g.member(hasty).at(dir).with(settings{"livesync.id": `"0000000b"`}))
	d := start(t, g.member(hasty).with(settings{"livesync.id": `"0000000c"`}))
	var state struct {
		ID        string
		Torrents  int
		Instances []struct {
			ID, Source string
			Torrents   int
			Received   map[string]struct{ Packets, Records int }
		}
	}
	waitFor(t, "an instance with its counts", func() bool {
		res, err := http.Get("http://" + d.admin + "/api/v1/cluster")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if err := json.NewDecoder(res.Body).Decode(&state); err != nil {
			t.Fatal(err)
		}
		return len(state.Instances) == 1 && state.Instances[0].Received["tell"].Records == 50
	})
	if other := state.Instances[0]; state.ID != "0000000c" || other.ID != "0000000b" || other.Torrents != 50 {
		t.Errorf("the cluster is %+v", state)
	}
}
