package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"keeptrack/cmd/testenv"
	"keeptrack/tracker"
)

const (
	usedMemory   = "keeptrack_memory_bytes"
	recordsAlone = "keeptrack_database_records_alone"
	mebibyte     = 1 << 20
)

// TestFloodLeavesRoom floods a daemon from many addresses with more than its memory
// budget has room for. Others come in meanwhile and stay, and it starts again with
// what it is left with when it is killed.
func TestFloodLeavesRoom(t *testing.T) {
	budget, each := testenv.Pick(8, 64), testenv.Pick(3000, 30_000)
	s := testSettings(t.TempDir()).with(settings{
		"tracker.max_memory":        strconv.Quote(fmt.Sprint(budget, "MiB")),
		"store.checkpoint_interval": `"1s"`,
		"http.listen":               `["127.0.0.1:0"]`,
		"udp.listen":                `["127.0.0.1:0"]`,
	})
	d := start(t, s)
	idle, resident, longest := d.memory(), int64(0), time.Duration(0)
	newcomers := 0
	flood := func(wave int) {
		for n := range 16 {
			w, hashes := wireFrom(t, fmt.Sprintf("127.0.%d.1", 1+n), d.udp4), madeUp((16*wave+n)*each, (16*wave+n+1)*each)
			switch wave % 3 {
			case 0:
				w.announceAll(hashes)
			case 1:
				w.complete(hashes, func(int) int { return 1 })
			case 2:
				w.announceAll(hashes[:each/2])
				w.announcePorts(hashOf("one torrent "+strconv.Itoa(n%3)), each)
			}
			longest = max(longest, comeIn(t, d, newcomers))
			newcomers++
			if used := d.metric(usedMemory); used > float64(budget*mebibyte)*17/16 {
				t.Fatalf("%g bytes of %d MiB in use", used, budget)
			}
			resident = max(resident, d.memory())
		}
	}
	for wave := range 3 {
		flood(wave)
	}
	m := d.metrics()
	if m[`keeptrack_evicted_total{kind="torrents"}`]+m[`keeptrack_evicted_total{kind="records"}`] == 0 {
		t.Error("nothing had to make room")
	}
	for range 3 {
		d.kill()
		d = start(t, s)
		if used := d.metric(usedMemory); used > float64(budget*mebibyte) {
			t.Errorf("%g bytes of %d MiB in use after a start", used, budget)
		}
		flood(1) // those that are in the file come back
	}
	if m = d.metrics(); m[recordsAlone] == 0 {
		t.Error("no record is in the file alone")
	}
	t.Logf("resident %d MiB of %d and %d idle; newcomers were in after %v at most; %g torrents, %g records in the file alone",
		resident/mebibyte, budget, idle/mebibyte, longest, m["keeptrack_torrents"], m[recordsAlone])
	if most := idle + int64(budget)*mebibyte*135/100; testenv.Long() && !raceDetector() && resident > most {
		t.Errorf("%d MiB resident, %d at most", resident/mebibyte, most/mebibyte)
	}
	d.stop()
}

// comeIn has the k-th newcomer announce a torrent of its own until it is stored, and
// expects the one before to be there still. It returns how long that took.
func comeIn(t *testing.T, d *instance, k int) time.Duration {
	t.Helper()
	began := time.Now()
	w, own := wireFrom(t, fmt.Sprintf("127.1.%d.1", k), d.udp4), hashOf("newcomer "+strconv.Itoa(k))
	waitFor(t, "a newcomer to be stored", func() bool {
		w.announceAll([]tracker.InfoHash{own})
		return scrapeOf(t, d.urls()["udp IPv4"], own)[0].Leechers == 1
	})
	took := time.Since(began)
	if before := scrapeOf(t, d.urls()["udp IPv4"], hashOf("newcomer "+strconv.Itoa(k-1))); k%16 != 0 && before[0].Leechers != 1 {
		t.Errorf("newcomer %d has gone", k-1)
	}
	return took
}

// TestFileBeyondTheBudget serves a database of more torrents than memory has room for.
// No record is lost, and downloads of torrents that are in the file alone are counted.
func TestFileBeyondTheBudget(t *testing.T) {
	const returning = 70
	dir, all := t.TempDir(), testenv.Pick(100_000, 1_000_000)
	db, hashes := filepath.Join(dir, "keeptrack.db"), madeUp(0, all)
	var text strings.Builder
	want := make(map[tracker.InfoHash]uint64)
	for i, h := range hashes {
		fmt.Fprintf(&text, "%s\t%d\t%d\n", h, 1+i, time.Now().Unix()/60-int64(i%1000))
		want[h] = uint64(1 + i)
	}
	if got := runProgram(t, dir, "db", "import", db, textFile(t, text.String())); got.status != statusDone {
		t.Fatalf("import: %+v", got)
	}
	counts := func(dir string) map[tracker.InfoHash]uint64 {
		got := make(map[tracker.InfoHash]uint64)
		for h, r := range recordsOf(t, dir) {
			got[h] = r.Downloaded
		}
		return got
	}
	s := testSettings(dir).with(settings{"tracker.max_memory": `"8MiB"`, "store.checkpoint_interval": `"100ms"`})
	for round := range 3 {
		d := start(t, s)
		alone := d.metric(recordsAlone)
		if alone == 0 || d.metric(usedMemory) > 8*mebibyte || d.logged("max_memory is too small") != 1 {
			t.Errorf("%g records in the file alone, %g bytes in use", alone, d.metric(usedMemory))
		}
		back := hashes[round*returning : (round+1)*returning] // with the fewest downloads
		connectWire(t, d.udp4).complete(back, func(int) int { return 2 })
		for _, h := range back {
			want[h] += 2
		}
		waitFor(t, "a checkpoint to bring counts together", func() bool {
			for i, got := range downloads(t, d, back) {
				if got > want[back[i]] {
					t.Fatalf("%d downloads of %d", got, want[back[i]])
				}
				if got != want[back[i]] {
					return false
				}
			}
			return true
		})
		copied := t.TempDir()
		if got := runProgram(t, dir, "backup", "--admin", "http://"+d.admin, filepath.Join(copied, "keeptrack.db")); got.status != statusDone {
			t.Errorf("backup: %+v", got)
		}
		if round == 0 {
			d.kill()
		} else {
			d.stop()
		}
		for _, dir := range []string{dir, copied} {
			if got := counts(dir); !maps.Equal(got, want) {
				t.Errorf("round %d: %d records in %s, want %d, or others", round, len(got), dir, len(want))
			}
		}
		if got := runProgram(t, dir, "db", "compact", db); got.status != statusDone {
			t.Errorf("compact: %+v", got)
		}
	}
	d := start(t, s.with(settings{"tracker.max_memory": `"0"`}))
	if d.torrents != all {
		t.Errorf("%d torrents loaded of %d", d.torrents, all)
	}
	d.stop()
}
