package tracker

import (
	"math"
	"slices"
	"testing"
)

// checkInvariants walks all that the tracker holds and checks that its parts
// agree. It calls for a tracker that nobody else is using.
func checkInvariants(t testing.TB, tr *Tracker) {
	t.Helper()
	var torrents int64
	for i := range tr.shards {
		checkShard(t, tr, i)
		torrents += int64(tr.shards[i].torrents.n)
	}
	if got := tr.Torrents(); int64(got) != torrents {
		t.Errorf("%d torrents counted, the shards hold %d", got, torrents)
	}
	checkBudget(t, tr)
}

func checkShard(t testing.TB, tr *Tracker, shard int) {
	t.Helper()
	s := &tr.shards[shard]
	s.mu.Lock()
	defer s.mu.Unlock()
	c := shardCheck{t: t, s: s}
	c.blocks4.init()
	c.blocks6.init()
	c.slab()
	c.torrentIndex()
	for i := range s.torrents.n {
		if h := s.torrents.at(i).hash; tr.shardOf(h) != shard {
			t.Errorf("shard %d holds torrent %v", shard, h)
		}
		c.torrent(i)
	}
	checkArena(t, &s.arena4, c.blocks4)
	checkArena(t, &s.arena6, c.blocks6)
	c.bitmap()
	c.parts(tr)
	c.totals.Completed, c.totals.PeersRejected = s.totals.Completed, s.totals.PeersRejected
	if s.totals != c.totals {
		t.Errorf("shard %d: totals %+v, the torrents have %+v", shard, s.totals, c.totals)
	}
}

// shardCheck is what is found out about a shard while it is walked.
type shardCheck struct {
	t                testing.TB
	s                *shard
	blocks4, blocks6 blockUse
	totals           ShardTotals
}

// blockUse says by class which blocks of an arena belong to a torrent.
type blockUse map[int]map[uint32]bool

func (u *blockUse) init() { *u = make(blockUse) }

// claim notes that a torrent names block h and says whether it is the first.
func (u blockUse) claim(h handle) bool {
	places := u[h.class()]
	if places == nil {
		places = make(map[uint32]bool)
		u[h.class()] = places
	}
	if places[h.place()] {
		return false
	}
	places[h.place()] = true
	return true
}

func (c *shardCheck) slab() {
	used := (int(c.s.torrents.n) + pageTorrents - 1) / pageTorrents
	if n := len(c.s.torrents.pages); n < used || n > used+1 {
		c.t.Errorf("%d pages for %d torrents", n, c.s.torrents.n)
	}
}

func (c *shardCheck) torrentIndex() {
	checkIndex(c.t, &c.s.index, c.s.torrents.n, c.s.hashAt)
	for i := range c.s.torrents.n {
		h := c.s.torrents.at(i).hash
		if at, ok := c.s.find(&h, hashTorrent(&h, c.s.seed)); !ok || at != i {
			c.t.Errorf("torrent %v at %d is found at %d (%v)", h, i, at, ok)
		}
	}
}

// checkIndex checks that an index names each of n positions once, in the table
// for its hash, and that its directory is no larger than it need be.
func checkIndex(t testing.TB, x *index, n uint32, hashAt func(i uint32) uint64) {
	t.Helper()
	named, tables, deepest := make([]bool, n), make(map[*uint32]bool), 0
	for at, table := range x.directory {
		deepest = max(deepest, int(table.depth))
		if first := &x.directory[at&(1<<table.depth-1)]; first.used != table.used || &first.slots[0] != &table.slots[0] {
			t.Fatalf("the table at %d of %d is not the one at %d", at, len(x.directory), at&(1<<table.depth-1))
		}
		if tables[&table.slots[0]] {
			continue
		}
		tables[&table.slots[0]] = true
		used := uint32(0)
		table.each(hashAt, func(hash uint64, i uint32) {
			if used++; named[i] || &x.table(hash).slots[0] != &table.slots[0] {
				t.Errorf("position %d is in another table, or twice", i)
			}
			named[i] = true
		})
		if used != table.used || 4*int(used) > 3*len(table.slots) || len(table.slots) > maxTableSlots {
			t.Errorf("%d slots of %d used, said to be %d", used, len(table.slots), table.used)
		}
	}
	if at := slices.Index(named, false); at >= 0 || len(x.directory) > 0 && 1<<deepest != len(x.directory) {
		t.Errorf("position %d is missing, directory of %d with %d bits", at, len(x.directory), deepest)
	}
}

func (c *shardCheck) torrent(i uint32) {
	s, torrent := c.s, c.s.torrents.at(i)
	n4 := checkLocation(c.t, &s.arena4, torrent.location4(), i, c.blocks4)
	n6 := checkLocation(c.t, &s.arena6, torrent.location6(), i, c.blocks6)
	if torrent.peerless() != (n4.n+n6.n == 0) {
		c.t.Errorf("torrent %d with %d peers: peerless is %v", i, n4.n+n6.n, torrent.peerless())
	}
	for f, n := range []counts{n4, n6} {
		c.totals.Peers[f] += uint64(n.n)
		c.totals.Seeders[f] += uint64(n.seeders())
	}
}

// parts checks that parts are in order, of torrents that are there, and no more than
// their counts.
func (c *shardCheck) parts(tr *Tracker) {
	s, n, above := c.s, 0, 0
	for at, page := range s.parts.pages {
		for k, p := range page {
			i := uint32(at*partPositions) + uint32(p.pos)
			if k > 0 && page[k-1].key() >= p.key() || i >= s.torrents.n || s.torrents.at(i).partial && p.origin >= firstOrigin {
				c.t.Fatalf("part %+v of torrent %d of %d", p, i, s.torrents.n)
			}
			torrent := s.torrents.at(i)
			if p.leaf != leafOf(&torrent.hash) || p.origin != excessRow && p.value == 0 || p.origin >= firstOrigin && (tr.names.name(p.origin) == Nobody) {
				c.t.Errorf("part %+v of torrent %v", p, torrent.hash)
			}
			if p.origin >= firstOrigin {
				n++
			} else if p.origin == excessRow && p.value > 0 {
				above++
			}
		}
		if at == len(s.parts.pages)-1 && len(page) == 0 || len(page) > 0 && len(page) < cap(page)/2 {
			c.t.Errorf("page %d of %d has %d parts, room for %d", at, len(s.parts.pages), len(page), cap(page))
		}
	}
	if n != s.parts.n || above != s.parts.above || s.floorsBelow > s.torrents.n {
		c.t.Errorf("%d parts and %d excesses, said to be %d and %d; %d floors", n, above, s.parts.n, s.parts.above, s.floorsBelow)
	}
	for i := range s.torrents.n {
		torrent := s.torrents.at(i)
		excess, _ := s.parts.excess(i)
		if m := s.makeup(i); !torrent.partial && (m.nobody+m.origins+m.excess != torrent.downloaded || m.excess < excess) {
			c.t.Errorf("torrent %v: %d is made up of %+v, its excess is %d", torrent.hash, torrent.downloaded, m, excess)
		}
	}
}

func (c *shardCheck) bitmap() {
	n := 0
	for i := range uint32(len(c.s.changed.words) * 64) {
		if c.s.changed.has(i) {
			n++
			if i >= c.s.torrents.n {
				c.t.Errorf("position %d of %d is marked as changed", i, c.s.torrents.n)
			}
		}
	}
	if n != c.s.changed.n {
		c.t.Errorf("%d positions are marked as changed, said to be %d", n, c.s.changed.n)
	}
}

// checkLocation checks the peers at l, which belong to the torrent at position
// owner.
func checkLocation[K key](t testing.TB, a *arena[K], l location[K], owner uint32, use blockUse) counts {
	t.Helper()
	if l.block != 0 {
		if !use.claim(l.block) {
			t.Errorf("torrent %d: block %x belongs to another", owner, l.block)
		}
		if got := *a.owner(l.block); got != owner {
			t.Errorf("torrent %d: owner of its block is %d", owner, got)
		}
	}
	p := view(a, l)
	least := uint32(len(l.inline))
	if l.block != 0 && (p.n < max(least, 1) || oversized(l.block.class(), int(p.n))) {
		t.Errorf("torrent %d: block of class %d with room for %d holds %d", owner, l.block.class(), p.room(), p.n)
	}
	checkPeers(t, &p)
	return p.counts
}

func checkPeers[K key](t testing.TB, p *peers[K]) {
	t.Helper()
	if int(p.n) > p.room() || p.leechers > p.n {
		t.Fatalf("counts %+v in room for %d", p.counts, p.room())
	}
	seen, paused := make(map[K]bool), uint32(0)
	for i := range int(p.n) {
		e := p.at(uint32(i))
		if seen[e.key] || p.find(e.key) != i {
			t.Errorf("peer %x at %d is found at %d", e.key, i, p.find(e.key))
		}
		seen[e.key] = true
		if !p.seeds(i) && e.meta&metaPaused != 0 {
			paused++
		}
	}
	if paused != p.paused {
		t.Errorf("%d paused, said to be %d", paused, p.paused)
	}
	if p.large != nil {
		checkLarge(t, p)
	}
}

// checkLarge checks a large list's pages, its index and its counts by network.
func checkLarge[K key](t testing.TB, p *peers[K]) {
	t.Helper()
	last, n := len(p.large.pages)-1, int(p.n)
	for i, page := range p.large.pages {
		if len(page) != pageEntries && (i > 0 || last > 0) {
			t.Errorf("page %d of %d has room for %d", i, last+1, len(page))
		}
	}
	if last > 0 && n <= last*pageEntries-pageEntries/2 || n <= len(p.large.pages[0])/2 {
		t.Errorf("%d pages, the first with room for %d, hold %d", last+1, len(p.large.pages[0]), n)
	}
	checkIndex(t, &p.large.index, p.n, p.large.hashAt)
	checkNetworks(t, p)
}

// checkNetworks checks that no network's peers are counted as fewer than may
// be, and that no counter is left from peers that have gone.
func checkNetworks[K key](t testing.TB, p *peers[K]) {
	t.Helper()
	c := &p.large.networks
	have, filled := make(map[Network]uint32), make(map[Network]uint32)
	for i := range p.n {
		have[p.large.networkAt(i)]++
		if i < c.filled {
			filled[p.large.networkAt(i)]++
		}
	}
	checkCounters(t, &c.now, c.seed, have, p.n)
	if counted := p.n * c.levels; counted > c.now.n && c.next.n == 0 || c.now.n > max(minCounters, 16*counted) {
		t.Errorf("%d counters for %d peers", c.now.n, p.n)
	}
	if c.next.n > 0 {
		checkCounters(t, &c.next, c.seed, filled, c.filled)
	} else if c.filled != 0 {
		t.Errorf("%d peers are counted in no counters", c.filled)
	}
}

func checkCounters(t testing.TB, c *counters, seed uint64, have map[Network]uint32, n uint32) {
	t.Helper()
	want, full := 0, false
	for level := range networkLevels {
		wider := make(map[Network]uint32)
		for network, n := range have {
			if level < network.levels() {
				wider[network>>(levelBits*level)] += n
				want += 2 * int(n)
			}
		}
		for network, n := range have {
			if level < network.levels() {
				n = wider[network>>(levelBits*level)]
				i, j := c.places(network, level, seed)
				if most := min(c.get(i), c.get(j)); most == math.MaxUint16 {
					full = true // and it stays there
				} else if uint32(most) < n {
					t.Errorf("network %x has %d peers at level %d, %d and %d are counted", network, n, level, c.get(i), c.get(j))
				}
			}
		}
	}
	counted := 0
	for _, segment := range c.segments {
		for _, n := range segment {
			counted += int(n)
		}
	}
	if counted != want && !full {
		t.Errorf("%d peers counted twice at each level make %d, want %d", n, counted, want)
	}
}

// checkArena checks that every block of an arena is in use and that it holds
// no more memory than it may.
func checkArena[K key](t testing.TB, a *arena[K], use blockUse) {
	t.Helper()
	for class := range a.classes {
		c := &a.classes[class]
		if int(c.n) != len(use[class]) {
			t.Errorf("class %d: %d blocks, %d in use", class, c.n, len(use[class]))
		}
		per := 1 << c.shape().shift
		if want := (int(c.n) + per - 1) / per; len(c.pages) != want {
			t.Errorf("class %d: %d pages for %d blocks", class, len(c.pages), c.n)
		}
	}
	free := make(map[uint32]bool)
	for _, place := range a.unused {
		free[place] = true
	}
	for place, b := range a.large {
		if used := use[classLarge][uint32(place)]; used != (b != nil) || used == free[uint32(place)] {
			t.Errorf("large block %d: there %v, in use %v, free %v", place, b != nil, used, free[uint32(place)])
		}
	}
	if len(free) != len(a.unused) || len(a.large) != len(a.unused)+len(use[classLarge]) {
		t.Errorf("%d large blocks, %d in use, %d free", len(a.large), len(use[classLarge]), len(a.unused))
	}
}
