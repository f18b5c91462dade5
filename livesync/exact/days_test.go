package exact

import (
	"strconv"
	"testing"

	"keeptrack/cmd/testenv"
	"keeptrack/tracker"
)

// TestDaysOfRestarts: three members complete downloads and restart once a day, for thirty
// days. In memory and in the file are no more parts than on the second day, and what is
// left of each day is the name of an origin.
func TestDaysOfRestarts(t *testing.T) {
	const day = 3 * rotate
	w := newWorld(1, "")
	for k := range byte(20) {
		w.torrents = append(w.torrents, tracker.InfoHash{k, k})
	}
	var ms []*member
	for k := range 3 {
		name := strconv.Itoa(k)
		ms = append(ms, newMember(w, name, disk{}))
		w.add(name, ms[k])
	}
	w.loss = 0.05
	var second int
	for n := 1; n <= testenv.Pick(5, 30); n++ {
		for k := range day / interval {
			if k%20 == 0 {
				ms[k/20].checkpoint()
				ms[k/20].start(false)
			}
			ms[k%3].completed(w.torrents[k%20])
			w.calm(1)
		}
		inMemory, inFile := 0, 0
		for _, m := range ms {
			m.checkpoint()
			for _, h := range w.torrents {
				inMemory += len(m.table.of[h].parts)
				inFile += len(m.disk.records[h].parts)
			}
		}
		t.Logf("day %d: %d parts in memory, %d in the files, %d folded origins", n, inMemory, inFile, len(ms[0].disk.state.Folded))
		if n == 2 {
			second = inMemory
		} else if n > 2 && (inMemory > second || inFile > second) {
			t.Errorf("on the second day there were %d parts", second)
		}
	}
	w.loss = 0
	w.calm(settle)
	for _, h := range w.torrents {
		for _, m := range ms {
			if m.total(h) != w.truth[h] {
				t.Errorf("%s has %d of %d for %s", m.name, m.total(h), w.truth[h], h)
			}
		}
	}
	if w.bad != "" {
		t.Error(w.bad)
	}
}
