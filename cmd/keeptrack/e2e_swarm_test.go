package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"keeptrack/cmd/internal/client"
	"keeptrack/tracker"
	"keeptrack/tracker/bep15"
)

// swarms are torrents whose peers, on the loopback interface, are of each kind.
type swarms struct {
	t      *testing.T
	hashes []tracker.InfoHash
	each   int // peers of a torrent, of which IPv6 ones are half
}

func newSwarms(t *testing.T, torrents, peers int) *swarms {
	t.Helper()
	return &swarms{t, torrentList(torrents), peers}
}

// request returns the announce of the n-th peer of a torrent: of four, one has
// completed its download, one seeds, one seeds a part and one leeches.
func (s *swarms) request(h tracker.InfoHash, n int) bep15.AnnounceRequest {
	r := bep15.AnnounceRequest{InfoHash: h, Port: uint16(2000 + n), NumWant: 0}
	switch n % 4 {
	case 0:
		r.Event = uint32(tracker.EventCompleted)
	case 2:
		r.Left, r.Event = 5, uint32(tracker.EventPaused)
	case 3:
		r.Left, r.Event = 5, uint32(tracker.EventStarted)
	}
	return r
}

// announce has every peer announce itself, those with an even number over IPv6 if
// there is any.
func (s *swarms) announce(d *instance) {
	s.t.Helper()
	addresses := []string{d.udp4, d.udp4}
	if d.udp6 != "" {
		addresses[0] = d.udp6
	}
	for odd, address := range addresses {
		w := connectWire(s.t, address)
		half := s.each / 2
		w.exchange(len(s.hashes)*half, func(i uint32) []byte {
			r := s.request(s.hashes[int(i)/half], 2*(int(i)%half)+odd)
			r.ConnectionID, r.TransactionID = w.id, i
			return r.Append(nil)
		}, func(_ uint32, reply []byte) {
			if len(reply) < 20 {
				s.t.Fatalf("reply %q", reply)
			}
		})
	}
}

// seen is what clients see of swarms.
type seen struct {
	counts []client.Scraped
	peers  map[string]bool // info hash, then the compact form
}

// look asks for the counts and the peers of all torrents, without joining.
func (s *swarms) look(d *instance) seen {
	s.t.Helper()
	got := seen{scrapeOf(s.t, d.urls()["udp IPv4"], s.hashes...), map[string]bool{}}
	for family, address := range []string{d.udp4, d.udp6} {
		if address == "" {
			continue
		}
		w := connectWire(s.t, address)
		w.exchange(len(s.hashes), func(i uint32) []byte {
			return bep15.AnnounceRequest{ConnectionID: w.id, TransactionID: i, InfoHash: s.hashes[i], Left: 1, NumWant: 200}.Append(nil)
		}, func(i uint32, reply []byte) {
			r, err := bep15.ParseAnnounceReply(reply, tracker.Family(family))
			if err != nil {
				s.t.Fatal(err)
			}
			for peer := range slices.Chunk(r.Peers, []int{tracker.CompactSize4, tracker.CompactSize6}[family]) {
				got.peers[string(s.hashes[i][:])+string(peer)] = true
			}
		})
	}
	return got
}

// wantSame expects clients to see what they saw.
func (s *swarms) wantSame(what string, got, want seen) {
	s.t.Helper()
	if len(want.peers) < len(s.hashes)*s.each*9/10 {
		s.t.Fatalf("%d peers are too few to compare", len(want.peers))
	}
	if !maps.Equal(got.peers, want.peers) {
		s.t.Errorf("%s: %d peers, want %d, or others", what, len(got.peers), len(want.peers))
	}
	if !slices.Equal(got.counts, want.counts) {
		s.t.Errorf("%s: the counts of scrapes differ", what)
	}
}

// wantNone expects no peers.
func (s *swarms) wantNone(d *instance) {
	s.t.Helper()
	if got := d.metric(`keeptrack_peers{family="ipv4"}`) + d.metric(`keeptrack_peers{family="ipv6"}`); got != 0 {
		s.t.Errorf("%v peers, want none", got)
	}
}

// snapshotPath returns the path of the snapshot beside the database in dir.
func snapshotPath(dir string) string { return filepath.Join(dir, "keeptrack.db.peers") }

// TestRestartKeepsSwarms: after a stop and a start the first replies have all peers,
// and what was counted is not counted again.
func TestRestartKeepsSwarms(t *testing.T) {
	dir := t.TempDir()
	set := testSettings(dir)
	s := newSwarms(t, 1000, 10)
	d := start(t, set)
	s.announce(d)
	before := s.look(d)
	if n := d.logged("store.keep_peers = false turns that off"); n != 1 {
		t.Errorf("%d warnings that addresses are going to be on disk", n)
	}
	d.stop()
	if info, err := os.Stat(snapshotPath(dir)); err != nil || info.Mode() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}

	for _, what := range []string{"after a stop", "after a crash soon after that"} {
		d = start(t, set)
		s.wantSame(what, s.look(d), before)
		if n := d.metric(`keeptrack_snapshot_restored_peers{result="stored"}`); n != float64(len(before.peers)) {
			t.Errorf("%s: %v peers restored by the metric, want %d", what, n, len(before.peers))
		}
		if n := d.logged("store.keep_peers = false turns that off"); n != 0 {
			t.Errorf("%s: %d more warnings", what, n)
		}
		if what == "after a stop" {
			d.kill() // the snapshot is still there
		}
	}
	var stats struct {
		Snapshot struct{ Restored struct{ Stored int } }
	}
	if err := json.Unmarshal([]byte(d.mustAPI("GET", "/stats")), &stats); err != nil || stats.Snapshot.Restored.Stored != len(before.peers) {
		t.Errorf("/api/v1/stats: %+v, %v", stats, err)
	}
	s.announce(d) // completed and paused once more
	s.wantSame("announced again", s.look(d), before)
	if n := d.metric("keeptrack_completed_total"); n != 0 {
		t.Errorf("%v downloads counted again", n)
	}
	d.stop()
}

// TestKillKeepsSwarms: after kill -9 the peers of the last snapshot are there.
func TestKillKeepsSwarms(t *testing.T) {
	dir := t.TempDir()
	set := testSettings(dir).with(settings{"store.peers_interval": `"100ms"`, "store.checkpoint_interval": `"100ms"`})
	s := newSwarms(t, 200, 10)
	d := start(t, set)
	s.announce(d)
	before := s.look(d)
	for _, metric := range []string{"keeptrack_snapshot_total", "keeptrack_checkpoint_total"} {
		d.waitMetric(metric, d.metric(metric)+2) // the second has begun after the last announce
	}
	if n := d.metric("keeptrack_snapshot_peers"); n != float64(len(before.peers)) {
		t.Errorf("%v peers in the snapshot by the metric", n)
	}
	d.kill()
	half := snapshotPath(dir) + ".part"
	if err := os.WriteFile(half, []byte("half-written"), 0o600); err != nil {
		t.Fatal(err)
	}
	d = start(t, set.with(settings{"store.peers_interval": `"0"`}))
	if _, err := os.Stat(half); err == nil {
		t.Error("what a snapshot that was not finished left is still there")
	}
	s.wantSame("after kill -9", s.look(d), before)
	s.announce(d)
	if n := d.metric("keeptrack_completed_total"); n != 0 {
		t.Errorf("%v downloads counted again", n)
	}
}

// TestPeersThatTimedOutMeanwhile: none comes back, and the snapshot goes.
func TestPeersThatTimedOutMeanwhile(t *testing.T) {
	dir := t.TempDir()
	set := testSettings(dir)
	s := newSwarms(t, 100, 10)
	d := start(t, set)
	s.announce(d)
	d.stop()
	d = start(t, set.with(settings{"tracker.peer_timeout": `"1s"`})) // of which ages are rounded up to one
	s.wantNone(d)
	if n := d.metric(`keeptrack_snapshot_restored_peers{result="expired"}`); n != 1000 {
		t.Errorf("%v expired by the metric", n)
	}
	d.stop()
	if got := names(t, dir); !slices.Equal(got, []string{"keeptrack.db"}) {
		t.Errorf("files: %s", got)
	}
}

// TestPeersNotKept: without keep_peers no address is on disk, from the start or the
// reload on that says so.
func TestPeersNotKept(t *testing.T) {
	dir := t.TempDir()
	keeping := testSettings(dir).with(settings{"store.peers_interval": `"100ms"`})
	not := keeping.with(settings{"store.keep_peers": "false"})
	only := func(when string) {
		t.Helper()
		if got := names(t, dir); !slices.Equal(got, []string{"keeptrack.db"}) {
			t.Errorf("%s: files %s", when, got)
		}
	}
	s := newSwarms(t, 50, 10)
	path := not.write(t)
	d := startIn(t, t.TempDir(), "serve", "--config", path)
	s.announce(d)
	if text := strings.Join(slices.Sorted(maps.Keys(d.exposed())), " "); strings.Contains(text, "keeptrack_snapshot") {
		t.Error("there are metrics of snapshots")
	}
	if stats := d.mustAPI("GET", "/stats"); !strings.Contains(stats, `"snapshot":{"enabled":false`) {
		t.Errorf("/api/v1/stats: %s", stats)
	}
	only("serving")
	reload := func(set settings) {
		t.Helper()
		text, err := os.ReadFile(set.write(t))
		if err != nil {
			t.Fatal(err)
		}
		n := d.logged("config reloaded")
		if err := firstError(os.WriteFile(path, text, 0o600), d.Cmd.Process.Signal(syscall.SIGHUP)); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the reload", func() bool { return d.logged("config reloaded") > n })
	}
	reload(keeping)
	waitFor(t, "a snapshot", func() bool { _, err := os.Stat(snapshotPath(dir)); return err == nil })
	reload(not)
	only("turned off")
	d.stop()
	only("stopped")

	d = start(t, keeping)
	s.announce(d)
	d.stop()
	if err := os.WriteFile(snapshotPath(dir)+".part", []byte("half-written"), 0o600); err != nil {
		t.Fatal(err)
	}
	d = start(t, not)
	only("started")
	s.wantNone(d)
}

// TestBackupHasNoPeers: a copy and what is done to it have nothing to do with peers.
func TestBackupHasNoPeers(t *testing.T) {
	dir := t.TempDir()
	set := testSettings(dir)
	s := newSwarms(t, 100, 10)
	d := start(t, set)
	s.announce(d)
	before := s.look(d)
	other := t.TempDir()
	copied := filepath.Join(other, "copy.db")
	got := runProgram(t, other, "backup", "--admin", "http://"+d.admin, copied)
	if names := names(t, other); got.status != statusDone || !slices.Equal(names, []string{"copy.db"}) {
		t.Fatalf("%+v, files %s", got, names)
	}
	d.stop()
	config := set.write(t)
	for _, args := range [][]string{
		{"restore", "--config", config, copied}, {"db", "compact", filepath.Join(dir, "keeptrack.db")},
		{"db", "verify", filepath.Join(dir, "keeptrack.db")},
	} {
		if got := runProgram(t, other, args...); got.status != statusDone {
			t.Fatalf("%s: %+v", args, got)
		}
	}
	d = start(t, set)
	s.wantSame("after a restore", s.look(d), before)
}

// TestPeersDrop deletes the snapshot, but not under a daemon.
func TestPeersDrop(t *testing.T) {
	dir := t.TempDir()
	set := testSettings(dir)
	database := filepath.Join(dir, "keeptrack.db")
	s := newSwarms(t, 20, 10)
	d := start(t, set)
	s.announce(d)
	if got := runProgram(t, dir, "db", "peers", "drop", database); got.status != statusFailed || !strings.Contains(got.stderr, "in use") {
		t.Errorf("under a daemon: %+v", got)
	}
	d.stop()
	inspected := func() string {
		t.Helper()
		got := runProgram(t, dir, "db", "inspect", database)
		if got.status != statusDone {
			t.Fatalf("%+v", got)
		}
		return got.stdout
	}
	if text := inspected(); !strings.Contains(text, "\nsnapshot of peers 200, size ") || !strings.Contains(text, " damaged blocks 0\n") {
		t.Errorf("db inspect: %s", text)
	}
	for _, want := range []string{"deleted", "does not exist"} {
		got := runProgram(t, dir, "db", "peers", "drop", database)
		if got.status != statusDone || got.stdout != snapshotPath(dir)+": "+want+"\n" {
			t.Errorf("%+v, want %q", got, want)
		}
	}
	if text := inspected(); !strings.Contains(text, "\nno snapshot of peers\n") {
		t.Errorf("db inspect: %s", text)
	}
	s.wantNone(start(t, set))
}

// alterSnapshot has the snapshot in dir say that it was made earlier, by each of its
// clocks, and on another start of the system if other is true. docs/internals/format.md has the
// offsets.
func alterSnapshot(t *testing.T, dir string, wall, up time.Duration, other bool) {
	t.Helper()
	file, err := os.ReadFile(snapshotPath(dir))
	if err != nil {
		t.Fatal(err)
	}
	for offset, earlier := range map[int]time.Duration{12: wall, 20: up} {
		now := binary.BigEndian.Uint64(file[offset:])
		binary.BigEndian.PutUint64(file[offset:], now-uint64(earlier))
	}
	if other {
		file[28] ^= 1
	}
	binary.BigEndian.PutUint32(file[44:], crc32.Checksum(file[:44], crc32.MakeTable(crc32.Castagnoli)))
	if err := os.WriteFile(snapshotPath(dir), file, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestClockSetMeanwhile: whatever becomes of the clock, no peer lives longer than
// peer_timeout after its last announce as far as anybody can know.
func TestClockSetMeanwhile(t *testing.T) {
	const hour, year = time.Hour, 365 * 24 * time.Hour // the peers' timeout is 45 minutes
	for _, c := range []struct {
		name     string
		wall, up time.Duration // how much earlier the snapshot is made to be
		other    bool
		kept     bool
	}{
		{"clock set forward by an hour", hour, 0, false, true},
		{"clock set back by an hour", -hour, 0, false, true},
		{"clock set forward by a year", year, 0, false, true},
		{"clock set back by a year", -year, 0, false, true},
		{"stopped for half an hour", hour / 2, hour / 2, false, true},
		{"stopped for an hour", hour, hour, false, false},
		{"stopped for an hour, clock set back by it", 0, hour, false, false},
		{"stopped for an hour, clock set back by a year", hour - year, hour, false, false},
		{"another start of the system", 0, 0, true, true},
		{"another start half an hour later", hour / 2, 0, true, true},
		{"another start an hour later", hour, 0, true, false},
		{"another start, clock set back by an hour", -hour, 0, true, true},
		{"another start, clock set back by a year", -year, 0, true, true},
		{"another start, clock set forward by a year", year, 0, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			set := testSettings(dir)
			s := newSwarms(t, 10, 10)
			d := start(t, set)
			s.announce(d)
			before := s.look(d)
			d.stop()
			alterSnapshot(t, dir, c.wall, c.up, c.other)
			d = start(t, set)
			if _, err := os.Stat(snapshotPath(dir)); c.kept != (err == nil) {
				t.Errorf("the snapshot: %v, is to stay: %v", err, c.kept)
			}
			if c.kept {
				s.wantSame(c.name, s.look(d), before)
			} else {
				s.wantNone(d)
			}
			if n := d.metric("keeptrack_completed_total"); n != 0 {
				t.Errorf("%v downloads counted", n)
			}
			d.stop()
		})
	}
}

// TestAgesGoOnWhileStopped: a peer that was not heard while the daemon was stopped goes
// when its time is up, and not later.
func TestAgesGoOnWhileStopped(t *testing.T) {
	dir := t.TempDir()
	set := testSettings(dir).with(settings{"tracker.peer_timeout": `"1h"`})
	s := newSwarms(t, 10, 10)
	d := start(t, set)
	s.announce(d)
	d.stop()
	alterSnapshot(t, dir, 59*time.Minute+50*time.Second, 59*time.Minute+50*time.Second, false)
	d = start(t, set)
	if n := d.metric(`keeptrack_snapshot_restored_peers{result="stored"}`); n != 100 {
		t.Fatalf("%v peers restored ten seconds before their time is up", n)
	}
	d.stop() // whose snapshot goes on with their ages
	alterSnapshot(t, dir, 10*time.Second, 10*time.Second, false)
	d = start(t, set)
	s.wantNone(d)
}

// TestUnusableSnapshot: whatever is in the file, the daemon starts, says so once, and
// the next snapshot takes its place.
func TestUnusableSnapshot(t *testing.T) {
	dir := t.TempDir()
	set := testSettings(dir)
	s := newSwarms(t, 2500, 10) // more than a block
	d := start(t, set)
	s.announce(d)
	before := s.look(d)
	d.stop()
	whole, err := os.ReadFile(snapshotPath(dir))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		make    func(b []byte) []byte
		message string
		some    bool // some peers can be read
	}{
		{"foreign", func([]byte) []byte { return []byte("something else") }, "not a snapshot of the peers", false},
		{"empty", func([]byte) []byte { return nil }, "not a snapshot of the peers", false},
		{"newer", func(b []byte) []byte { b[11]++; return b }, "written by a newer version of keeptrack", false},
		{"damaged header", func(b []byte) []byte { b[15]++; return b }, "the header is damaged", false},
		{"damaged block", func(b []byte) []byte { b[1000]++; return b }, `"damaged_blocks":1`, true},
		{"cut", func(b []byte) []byte { return b[:len(b)-100] }, `"damaged_blocks":1`, true},
		{"zeros", func(b []byte) []byte { clear(b[48:]); return b }, `"damaged_blocks":1`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := os.WriteFile(snapshotPath(dir), c.make(bytes.Clone(whole)), 0o600); err != nil {
				t.Fatal(err)
			}
			s.t = t
			d := start(t, set)
			if n := d.logged(c.message); n != 1 {
				t.Errorf("%d lines with %q", n, c.message)
			}
			if n := d.metric("keeptrack_snapshot_damaged_blocks"); n != 1 {
				t.Errorf("%v damaged blocks by the metric", n)
			}
			got := s.look(d)
			if len(got.peers) > len(before.peers) || (len(got.peers) > 0) != c.some {
				t.Errorf("%d peers of %d, some to be read: %v", len(got.peers), len(before.peers), c.some)
			}
			for p := range got.peers {
				if !before.peers[p] {
					t.Fatalf("a peer that was not there: %x", p)
				}
			}
			s.announce(d)
			d.stop()
			d = start(t, set)
			again := s.look(d)
			again.counts = before.counts // what was not known to be counted has been again
			s.wantSame("after the next snapshot", again, before)
		})
	}
}
