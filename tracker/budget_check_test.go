package tracker

import "testing"

// checkBudget compares what the tracker says it holds with what is there.
func checkBudget(t testing.TB, tr *Tracker) {
	t.Helper()
	bytes, peers := int64(0), make(map[Network]uint32)
	for i := range tr.shards {
		s := &tr.shards[i]
		s.mu.Lock()
		bytes += int64(len(s.torrents.pages))*pageBytes + indexBytes(&s.index)
		bytes += int64(len(s.removed.pages)) * pageRemovalsBytes
		bytes += arenaBytes(&s.arena4) + arenaBytes(&s.arena6)
		bytes += int64(len(s.parts.pages)) * partsPageBytes
		for _, page := range s.parts.pages {
			bytes += int64(cap(page)) * partBytes
		}
		for i := range s.torrents.n {
			torrent := s.torrents.at(i)
			countNetworks(&s.arena4, torrent.location4(), peers)
			countNetworks(&s.arena6, torrent.location6(), peers)
		}
		s.mu.Unlock()
	}
	if got := tr.budget.bytes.used.Load(); got != bytes {
		t.Errorf("%d bytes are counted, there are %d", got, bytes)
	}
	if tr.budget.held != nil {
		checkHeld(t, tr.budget.held, peers)
	}
}

func indexBytes(x *index) (bytes int64) {
	seen := make(map[*uint32]bool)
	for i := range x.directory {
		if t := &x.directory[i]; !seen[&t.slots[0]] {
			seen[&t.slots[0]] = true
			bytes += int64(len(t.slots)) * slotBytes
		}
	}
	return bytes + int64(len(x.directory))*tableBytes
}

func arenaBytes[K key](a *arena[K]) (bytes int64) {
	for i := range a.classes {
		bytes += int64(len(a.classes[i].pages)) * a.classes[i].pageBytes()
	}
	for _, b := range a.large {
		if b != nil {
			bytes += int64(b.room())*entryBytes[K]() + indexBytes(&b.index)
			bytes += countersBytes(&b.networks.now) + countersBytes(&b.networks.next)
		}
	}
	return bytes
}

func countersBytes(c *counters) (bytes int64) {
	for _, segment := range c.segments {
		bytes += int64(len(segment)) * counterBytes
	}
	return bytes
}

func countNetworks[K key](a *arena[K], l location[K], peers map[Network]uint32) {
	p := view(a, l)
	for i := range p.n {
		peers[networkOf(&p.at(i).key)]++
	}
}

// checkHeld compares the counts of stored peers with those that networks have. No
// count may be too low, and all counters together have no more than they should.
func checkHeld(t testing.TB, held *Tally, peers map[Network]uint32) {
	t.Helper()
	levels := [networkLevels]map[Network]uint32{{}, {}, {}}
	want := uint64(0)
	for n, count := range peers {
		for level := range n.levels() {
			levels[level][n>>(levelBits*level)] += count
			want += tallyCells * uint64(count) * (tallyUnit >> (2 * level))
		}
	}
	got := uint64(0)
	for i := range held.cells {
		got += uint64(held.cells[i].Load())
	}
	if got != want {
		t.Errorf("the counters of stored peers have %d, want %d", got, want)
	}
	for n := range peers {
		most := uint32(0)
		for level := range n.levels() {
			most = max(most, levels[level][n>>(levelBits*level)]>>(2*level))
		}
		if got := held.Count(n); got < most {
			t.Errorf("network %x is said to have %d peers, has %d", n, got, most)
		}
	}
}
