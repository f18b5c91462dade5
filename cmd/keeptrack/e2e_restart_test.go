package main

import (
	"maps"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"keeptrack/cmd/testenv"
	"keeptrack/tracker"
	"keeptrack/tracker/bep15"
)

// torrentList returns n info hashes spread over all shards.
func torrentList(n int) []tracker.InfoHash {
	list := make([]tracker.InfoHash, n)
	for i := range list {
		list[i] = hashOf("torrent " + strconv.Itoa(i))
	}
	return list
}

// complete has peers of their own complete the i-th torrent times(i) times.
func (w *wire) complete(hashes []tracker.InfoHash, times func(i int) int) {
	w.t.Helper()
	type completion struct {
		hash tracker.InfoHash
		port uint16
	}
	var all []completion
	for i, h := range hashes {
		for n := range times(i) {
			all = append(all, completion{h, uint16(1000 + n)})
		}
	}
	w.exchange(len(all), func(i uint32) []byte {
		return bep15.AnnounceRequest{
			ConnectionID: w.id, TransactionID: i, InfoHash: all[i].hash, Port: all[i].port,
			Event: uint32(tracker.EventCompleted),
		}.Append(nil)
	}, func(_ uint32, reply []byte) {
		if _, err := bep15.ParseAnnounceReply(reply, tracker.IPv4); err != nil {
			w.t.Fatal(err)
		}
	})
}

// announceAll has one leecher announce every torrent.
func (w *wire) announceAll(hashes []tracker.InfoHash) {
	w.t.Helper()
	w.exchange(len(hashes), func(i uint32) []byte {
		return bep15.AnnounceRequest{ConnectionID: w.id, TransactionID: i, InfoHash: hashes[i], Port: 1000, Left: 1}.Append(nil)
	}, func(_ uint32, reply []byte) {
		if _, err := bep15.ParseAnnounceReply(reply, tracker.IPv4); err != nil {
			w.t.Fatal(err)
		}
	})
}

// downloads returns the torrents' downloaded counts.
func downloads(t *testing.T, d *instance, hashes []tracker.InfoHash) []uint64 {
	t.Helper()
	var counts []uint64
	for _, r := range scrapeOf(t, d.urls()["udp IPv4"], hashes...) {
		counts = append(counts, r.Downloaded)
	}
	return counts
}

func TestRestartKeepsEveryCount(t *testing.T) {
	dir := t.TempDir()
	s := testSettings(dir)
	hashes := torrentList(10_000)
	times := func(i int) int { return 1 + i%3 }
	want := make([]uint64, len(hashes))
	for i := range want {
		want[i] = uint64(times(i))
	}

	d := start(t, s)
	connectWire(t, d.udp4).complete(hashes, times)
	if got := downloads(t, d, hashes); !slices.Equal(got, want) {
		t.Fatal("the counts are wrong before the restart")
	}
	d.stop()
	kept := recordsOf(t, dir)
	if len(kept) != len(hashes) {
		t.Fatalf("%d torrents in the database, want %d", len(kept), len(hashes))
	}
	for i, h := range hashes {
		if r := kept[h]; r.Downloaded != want[i] || r.LastAnnounce == 0 {
			t.Fatalf("torrent %d: %+v in the database, want %d downloaded", i, r, want[i])
		}
	}

	d = start(t, s)
	if got := downloads(t, d, hashes); !slices.Equal(got, want) {
		t.Error("the counts are not those before the restart")
	}
	if d.torrents != len(hashes) {
		t.Errorf("%d torrents loaded", d.torrents)
	}
	d.stop()
	if again := recordsOf(t, dir); !maps.Equal(again, kept) {
		t.Error("the database has changed without an announce")
	}
}

func TestKillLosesNothingOlderThanTheCheckpoint(t *testing.T) {
	dir := t.TempDir()
	s := testSettings(dir).with(settings{"store.checkpoint_interval": `"100ms"`})
	hashes := torrentList(2_000)
	once := func(int) int { return 1 }

	d := start(t, s)
	w := connectWire(t, d.udp4)
	w.complete(hashes[:1_000], once)
	// One checkpoint may have begun before the last announce, the one after it
	// has not.
	d.waitMetric("keeptrack_checkpoint_total", d.metric("keeptrack_checkpoint_total")+2)
	w.complete(hashes[1_000:], once) // may be lost or not
	d.kill()

	d = start(t, s)
	for i, n := range downloads(t, d, hashes) {
		if i < 1_000 && n != 1 || n > 1 {
			t.Fatalf("torrent %d has %d downloads", i, n)
		}
	}
	w = connectWire(t, d.udp4)
	w.complete(hashes, once) // the database can be written again
	d.stop()
	if n := len(recordsOf(t, dir)); n != len(hashes) {
		t.Errorf("%d torrents in the database at last", n)
	}
}

// TestStopSignalledTwice has a second signal come while the daemon stops, as from
// supervisors that signal a process and then its group: the last checkpoint is written
// all the same. On a machine so busy that the second one comes too late to be taken for
// the first, it is tried again.
func TestStopSignalledTwice(t *testing.T) {
	hashes := torrentList(20_000)
	waitFor(t, "a second signal soon after the first", func() bool {
		dir := t.TempDir()
		d := start(t, testSettings(dir))
		connectWire(t, d.udp4).complete(hashes, func(int) int { return 1 })
		began := time.Now()
		if err := d.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the stop", func() bool { return d.logged(`"stopping"`) > 0 })
		err := d.Cmd.Process.Signal(syscall.SIGTERM)
		soon := time.Since(began) < secondSignal/2
		<-d.Ended
		if err != nil || !soon {
			return false
		}
		if status := d.Cmd.ProcessState.ExitCode(); status != statusDone {
			t.Errorf("exit status %d", status)
		}
		if n := len(recordsOf(t, dir)); n != len(hashes) {
			t.Errorf("%d torrents of %d in the database", n, len(hashes))
		}
		return true
	})
}

func TestRestartAcceptsTheConnectionID(t *testing.T) {
	s := testSettings(t.TempDir())
	for _, family := range []struct {
		name    string
		address func(*instance) string
	}{
		{"IPv4", func(d *instance) string { return d.udp4 }},
		{"IPv6", func(d *instance) string { return d.udp6 }},
	} {
		t.Run(family.name, func(t *testing.T) {
			if family.name == "IPv6" {
				testenv.NeedIPv6(t)
			}
			d := start(t, s)
			id := connectWire(t, family.address(d)).id
			d.stop()
			d = start(t, s)
			w := dialWire(t, family.address(d))
			w.id = id
			if rows := w.scrape(hashOf("any")); len(rows) != 1 {
				t.Errorf("%d rows", len(rows))
			}
			w.id++
			w.wantError(hashOf("any"))
		})
	}
}

// scrape asks for one torrent.
func (w *wire) scrape(h tracker.InfoHash) (rows []bep15.ScrapeRow) {
	w.t.Helper()
	w.exchange(1, func(i uint32) []byte { return w.scrapeRequest(i, h) }, func(_ uint32, packet []byte) {
		r, err := bep15.ParseScrapeReply(packet)
		if err != nil {
			w.t.Fatalf("%v: %q", err, packet)
		}
		for i := range r.Len() {
			rows = append(rows, r.Row(i))
		}
	})
	return rows
}

// wantError asks for one torrent and expects to be refused for the connection
// id.
func (w *wire) wantError(h tracker.InfoHash) {
	w.t.Helper()
	w.exchange(1, func(i uint32) []byte { return w.scrapeRequest(i, h) }, func(_ uint32, packet []byte) {
		if r, err := bep15.ParseErrorReply(packet); err != nil || r.Text != "Connection ID missmatch.\x00" {
			w.t.Errorf("got %q", packet)
		}
	})
}

func (w *wire) scrapeRequest(transaction uint32, h tracker.InfoHash) []byte {
	return bep15.ScrapeRequest{ConnectionID: w.id, TransactionID: transaction, InfoHashes: h[:]}.Append(nil)
}

// TestACountOutlivesItsPeers holds that a torrent with a count stays, over a
// restart too, long after its peers have gone, and that made-up torrents leave
// nothing in the file.
func TestACountOutlivesItsPeers(t *testing.T) {
	dir := t.TempDir()
	s := testSettings(dir).with(settings{
		"tracker.peer_timeout":      `"1s"`,
		"store.checkpoint_interval": `"100ms"`,
	})
	d := start(t, s)
	counted := hashOf("counted")
	announceTo(t, d.urls()["udp IPv4"], counted, 6881, 0, tracker.EventCompleted)
	w := connectWire(t, d.udp4)
	w.complete(torrentList(1), func(int) int { return 1 })
	flood := make([]tracker.InfoHash, 5_000)
	for i := range flood {
		flood[i] = tracker.InfoHash{byte(i), byte(i >> 8), 0xff}
	}
	waitFor(t, "the flood to reach the file", func() bool {
		w.announceAll(flood) // again, if it has run off before a checkpoint
		return d.metric("keeptrack_checkpoint_records_total") >= float64(len(flood))
	})
	waitFor(t, "the flood to run off", func() bool { return d.metric("keeptrack_torrents") == 2 })
	d.stop()

	left := map[tracker.InfoHash]uint64{}
	file := openStore(t, dir)
	if _, err := file.Load(func(r tracker.Record) { left[r.InfoHash] = r.Downloaded }); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if len(left) != 2 || left[counted] != 1 {
		t.Errorf("the file holds %d torrents, %v", len(left), left)
	}
	d = start(t, s)
	waitScrape(t, d.urls()["http IPv4"], counted, 0, 0, 1)
}
