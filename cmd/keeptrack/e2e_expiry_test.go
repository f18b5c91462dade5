package main

import (
	"testing"

	"keeptrack/tracker"
)

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
