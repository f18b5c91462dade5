package main

import (
	"strings"
	"testing"

	"keeptrack/tracker"
)

// askedFor returns a book in which torrent 0 was added, 1 taken off, 2 added and
// left to the file again, and a change was asked for and not acknowledged.
func askedFor(c change) *overrides {
	o := newOverrides(newBook(hashes(1, minTorrents)))
	for _, acked := range []change{{0, added}, {1, removed}, {2, added}, {2, leftToFile}} {
		o.asked = &acked
		o.acknowledge()
	}
	o.asked = &c
	return o
}

// TestCompareOverrides: what is acknowledged is there, what is asked for may be.
func TestCompareOverrides(t *testing.T) {
	const left, on, off = leftToFile, added, removed
	for _, c := range []struct {
		name  string
		asked change
		found [4]standing // of the first torrents
		want  string      // in the error; empty: none
		kept  int
	}{
		{"what is acknowledged", change{3, on}, [4]standing{on, off, left, left}, "", 0},
		{"what is asked for as well", change{3, on}, [4]standing{on, off, left, on}, "", 1},
		{"something else than is asked for", change{3, on}, [4]standing{on, off, left, off}, "is taken off", 0},
		{"one dropped as asked for", change{0, left}, [4]standing{left, off, left, left}, "", 1},
		{"one changed as asked for", change{0, off}, [4]standing{off, off, left, left}, "", 1},
		{"an added one gone", change{3, on}, [4]standing{left, off, left, left}, "is left to the file", 0},
		{"one taken off gone", change{3, on}, [4]standing{on, left, left, left}, "is left to the file", 0},
		{"one the other way round", change{3, on}, [4]standing{on, on, left, left}, "is added", 0},
		{"a dropped one back", change{3, on}, [4]standing{on, off, on, left}, "is added", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := askedFor(c.asked)
			found, count := map[tracker.InfoHash]standing{}, 0
			for i, s := range c.found {
				if s != left {
					found[o.hashes[i]] = s
					count++
				}
			}
			err := o.compare(found)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if err != nil {
				return
			}
			if o.kept != c.kept || o.unanswered != 1 || o.acknowledged != 4 {
				t.Errorf("got %v", o)
			}
			// From now on it stays as it was found.
			if err := o.compareCount(count); err != nil {
				t.Error(err)
			}
			if o.compareCount(count-1) == nil || o.compareCount(count+1) == nil {
				t.Error("any number of overrides will do")
			}
		})
	}
	o := askedFor(change{3, added})
	if err := o.compare(map[tracker.InfoHash]standing{o.hashes[0]: added, o.hashes[1]: removed, {}: added}); err == nil {
		t.Error("an override that nobody asked for will do")
	}
}

// TestCompareCount: an unanswered change leaves the number open where it changes
// it.
func TestCompareCount(t *testing.T) {
	for _, c := range []struct {
		asked       change
		least, most int
	}{
		{change{3, added}, 2, 3},
		{change{0, leftToFile}, 1, 2},
		{change{0, removed}, 2, 2},
	} {
		o := askedFor(c.asked)
		for n := range 5 {
			if err := o.compareCount(n); (err == nil) != (n >= c.least && n <= c.most) {
				t.Errorf("%v asked for, %d in the file: %v", c.asked, n, err)
			}
		}
	}
}
