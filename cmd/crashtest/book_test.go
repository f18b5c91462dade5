package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keeptrack/tracker"
)

// inBubble runs a test of a book of two torrents in virtual time. Both have
// been imported, with counts 1 and 2.
func inBubble(t *testing.T, test func(*testing.T, *book)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBook(hashes(1, 3))
		b.imported(2, time.Now())
		test(t, b)
	})
}

// complete has n downloads of a torrent sent and acknowledged.
func complete(b *book, torrent, n int) {
	for range n {
		b.sending(torrent)
		b.acknowledged(torrent, time.Now())
	}
}

// inFile returns the records of a file in which the torrents were announced
// last in a minute and have the downloads given; a negative number is none.
func inFile(b *book, last uint32, downloads ...int) []tracker.Record {
	var all []tracker.Record
	for i, n := range downloads {
		if n >= 0 {
			all = append(all, tracker.Record{InfoHash: b.accounts[i].hash, LastAnnounce: last, Downloaded: uint64(n)})
		}
	}
	return all
}

// TestSure: of three downloads before a look and two after it, the former are
// sure when the second checkpoint after the look is done.
func TestSure(t *testing.T) {
	for _, c := range []struct {
		name        string
		checkpoints uint64
		sure        uint64
	}{
		{"no checkpoint", 5, 0},
		{"one that may have begun before the look", 6, 0},
		{"one that has begun after the look", 7, 3},
		{"many", 20, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *book) {
				complete(b, 0, 3)
				time.Sleep(time.Second)
				b.looked(time.Now(), 5)
				time.Sleep(time.Second)
				complete(b, 0, 2)
				time.Sleep(time.Second)
				b.looked(time.Now(), c.checkpoints)
				if got := b.accounts[0].sure; got != c.sure {
					t.Errorf("%d are sure, want %d", got, c.sure)
				}
			})
		})
	}
}

// TestCompare holds files against a book in which torrent 0 had three downloads
// in minute 10 that are sure, then two acknowledged and one not in minute 20.
// The new torrent has a download acknowledged.
func TestCompare(t *testing.T) {
	for _, c := range []struct {
		name      string
		last      uint32 // minute, from the beginning
		downloads []int
		want      string // in the error; empty: none
		lost      uint64
		lag       time.Duration
	}{
		{"everything", 20, []int{1 + 6, 2, 1}, "", 0, 0},
		{"no more than is sure", 10, []int{1 + 3, 2, -1}, "", 3, 2 * time.Second},
		{"one that is not sure", 20, []int{1 + 4, 2, -1}, "", 2, time.Second},
		{"less than is sure", 20, []int{1 + 2, 2, 1}, "had 4 before a checkpoint", 0, 0},
		{"less than at a restart", 20, []int{0, 2, 1}, "had 1 at an earlier restart", 0, 0},
		{"quiet torrent lower", 20, []int{1 + 6, 1, 1}, "had 2 at an earlier restart", 0, 0},
		{"more than was sent", 20, []int{1 + 7, 2, 1}, "only 7 were sent", 0, 0},
		{"torrent gone", 20, []int{1 + 6, -1, 1}, "is missing", 0, 0},
		{"last announce too early", 9, []int{1 + 6, 2, 1}, "in minute", 0, 0},
		{"last announce to come", 21, []int{1 + 6, 2, 1}, "has not come", 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *book) {
				first := minute(time.Now())
				time.Sleep(10 * time.Minute)
				complete(b, 0, 3)
				time.Sleep(10 * time.Minute)
				b.looked(time.Now(), 0)
				b.looked(time.Now(), 2)
				complete(b, 0, 1)
				time.Sleep(time.Second)
				complete(b, 0, 1)
				complete(b, 2, 1)
				b.sending(0)
				time.Sleep(time.Second)
				got, err := b.compare(inFile(b, first+c.last, c.downloads...), time.Now())
				if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
					t.Fatalf("got %v, want %q", err, c.want)
				}
				if err == nil && (got.lost != c.lost || got.lag != c.lag || got.acked != 6) {
					t.Errorf("got %+v", got)
				}
			})
		})
	}
}

// TestCompareGoesOn: what was in the file is what must be in it from then on.
func TestCompareGoesOn(t *testing.T) {
	inBubble(t, func(t *testing.T, b *book) {
		complete(b, 0, 2)
		now := minute(time.Now())
		for _, n := range []int{2, 2} { // one of two lost, and stays so
			if _, err := b.compare(inFile(b, now, n, 2, -1), time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.compare(inFile(b, now, 3, 2, -1), time.Now()); err == nil {
			t.Error("what was lost may come back")
		}
	})
}

func TestCompareUnknown(t *testing.T) {
	inBubble(t, func(t *testing.T, b *book) {
		all := append(inFile(b, minute(time.Now()), 1, 2), tracker.Record{})
		if _, err := b.compare(all, time.Now()); err == nil || !strings.Contains(err.Error(), "never been announced") {
			t.Errorf("got %v", err)
		}
	})
}

// TestStopped: after a clean stop nothing may be lost.
func TestStopped(t *testing.T) {
	inBubble(t, func(t *testing.T, b *book) {
		complete(b, 0, 2)
		time.Sleep(time.Second)
		b.stopped()
		if _, err := b.compare(inFile(b, minute(time.Now()), 2, 2), time.Now()); err == nil {
			t.Error("one may be lost")
		}
	})
}
