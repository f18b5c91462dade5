package main

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"testing"
	"time"
)

// alterSnapshot has the snapshot in dir say that it was made earlier, by each of its
// clocks, and on another start of the system if other is true. docs/format.md has the
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
