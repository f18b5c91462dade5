package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strconv"
	"testing"

	"keeptrack/cmd/internal/bench"
	"keeptrack/internal/testenv"
	"keeptrack/tracker"
)

// TestTorrentsWithOneFirstByte fills a daemon with torrents, whose info hashes all begin
// with the same byte or do not. Both times honest clients announce at a steady rate while
// a checkpoint writes all of them, a backup copies them and live sync tells them. It prints
// how long the slowest announces took.
func TestTorrentsWithOneFirstByte(t *testing.T) {
	torrents := testenv.Pick(20_000, 4_000_000)
	alike := func(i int) tracker.InfoHash { return numbered(7, i) }
	spread := func(i int) tracker.InfoHash { return hashOf(strconv.Itoa(i)) }
	for range testenv.Pick(1, 3) {
		even := latencyBesideTorrents(t, torrents, spread)
		one := latencyBesideTorrents(t, torrents, alike)
		t.Logf("%d torrents: p99.9 %.0f µs evenly spread, %.0f µs with one first byte, %.2f times as much; at most %.0f and %.0f µs",
			torrents, even.P999, one.P999, one.P999/even.P999, even.Max, one.Max)
	}
}

func latencyBesideTorrents(t *testing.T, torrents int, hash func(i int) tracker.InfoHash) bench.Latency {
	g := newMulticastGroup(t)
	d := startPlain(t, g.member(settings{
		"livesync.id":                      `"cafebabe"`,
		"livesync.first_beacon_delay":      `"1h"`,
		"tracker.max_torrents_per_address": "0",
		"store.checkpoint_interval":        `"1h"`,
	}))
	hashes := make([]tracker.InfoHash, torrents)
	for i := range hashes {
		hashes[i] = hash(i)
	}
	connectWire(t, d.udp4).announceAll(hashes)
	load := program(t, t.TempDir(), "bench", "--json", "--mix", "announce=1", "--old-ids", "0", "--rate", "2000", "--timeout", patience.String(),
		"--torrents", "1000", "--duration", testenv.Pick("2s", "15s"), "udp://"+d.udp4)
	var out bytes.Buffer
	load.Stdout = &out
	if err := load.Start(); err != nil {
		t.Fatal(err)
	}
	g.send("127.0.0.1", inquire)
	if got := runProgram(t, t.TempDir(), "backup", "--admin", "http://"+d.admin, filepath.Join(t.TempDir(), "x.db")); got.status != statusDone {
		t.Fatalf("backup: %+v", got)
	}
	if err := load.Wait(); err != nil {
		t.Fatal(err)
	}
	var r bench.Report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	m := d.metrics()
	drops := uint64(m[`keeptrack_kernel_receive_drops_total{socket="udp"}`])
	if r.Good+drops < r.Sent || r.Good == 0 {
		t.Errorf("%d of %d honest announces answered", r.Good, r.Sent)
	}
	if got := m["keeptrack_checkpoint_records_total"]; got < float64(torrents) {
		t.Errorf("the checkpoint wrote %g of %d torrents", got, torrents)
	}
	if m[`keeptrack_livesync_records_total{direction="out",type="tell"}`] == 0 {
		t.Error("nothing was told")
	}
	d.stop()
	return r.Latency
}
