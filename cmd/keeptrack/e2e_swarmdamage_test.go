package main

import (
	"bytes"
	"os"
	"testing"
)

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
		{"foreign", func([]byte) []byte { return []byte("something else") }, "not a snapshot of peers", false},
		{"empty", func([]byte) []byte { return nil }, "not a snapshot of peers", false},
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
