package tracker

import (
	"bytes"
	"maps"
	"slices"
	"testing"
)

// checkpoint takes all changes, some at a time. Some writes fail and end it; their
// changes are put back at the next checkpoint.
func (r *run) checkpoint() {
	if r.unsaved != nil {
		r.RestoreChanges(r.unsaved)
		r.unsaved = nil
	}
	limit := 1 + r.rng.IntN(700)
	for over := false; !over; {
		changes := r.TakeChanges(nil, limit)
		if over = len(changes) < limit; r.rng.IntN(3*r.plan.torrents/limit+3) == 0 {
			r.unsaved = changes
			return
		}
		for _, c := range changes {
			r.save(&c)
		}
	}
	want := make(map[InfoHash]Record)
	for rec := range r.Records(InfoHash{}) {
		want[rec.InfoHash] = rec
	}
	if !maps.Equal(r.db, want) {
		r.t.Errorf("database %v, tracker %v", r.db, want)
	}
}

// save writes a change to the database.
func (r *run) save(c *Change) {
	if !c.Removed {
		r.db[c.InfoHash] = c.Record
		return
	}
	if _, kept := r.model.torrents[c.InfoHash]; kept {
		r.t.Errorf("torrent %v is kept, but said to be removed", c.InfoHash)
	}
	delete(r.db, c.InfoHash)
}

func (r *run) wantCounts(h InfoHash) Counts {
	if torrent := r.model.torrents[h]; torrent != nil {
		return torrent.counts()
	}
	return Counts{}
}

// checkReply checks the reply to a, which the model has seen too.
func (r *run) checkReply(a *Announce, reply *Reply) {
	c := r.wantCounts(a.InfoHash)
	if reply.Seeders != c.Seeders || reply.Leechers != c.Leechers || reply.Downloaded != c.Downloaded || reply.Refused {
		r.t.Errorf("announce %+v: reply %+v, want counts %+v", a, reply, c)
	}
	available := 0
	torrent := r.model.torrents[a.InfoHash]
	for f := range 2 {
		if torrent == nil || Family(f) != a.Peer.Family() && !a.BothFamilies {
			continue
		}
		s := &torrent.swarms[f]
		available += len(s.peers)
		if a.Left == 0 {
			available -= s.seeders
		} else if s.byPeer[a.Peer] != nil {
			available--
		}
	}
	want := a.NumWant
	if want < 0 || want == 0 && a.Left > 0 {
		want = r.model.o.DefaultNumWant
	}
	want = min(want, r.model.o.MaxNumWant, a.Limit, available)
	if a.Event == EventStopped {
		want = 0
	}
	got := reply.peers(r.t)
	if len(got) != want {
		r.t.Errorf("announce %+v: %d peers, want %d of %d", a, len(got), want, available)
	}
	seen := make(map[Peer]bool, len(got))
	for _, p := range got {
		known := torrent.swarms[p.Family()].byPeer[p]
		switch {
		case p == a.Peer, seen[p], known == nil,
			a.Left == 0 && known.seeder,
			p.Family() != a.Peer.Family() && !a.BothFamilies:
			r.t.Errorf("announce %+v: got %v (again: %v, known: %+v)", a, p, seen[p], known)
		}
		seen[p] = true
	}
}

// compare compares everything.
func (r *run) compare() {
	checkInvariants(r.t, r.Tracker)
	if got := r.Stats(); got.Completed != r.model.completed || got.Torrents != len(r.model.torrents) {
		r.t.Errorf("stats %+v, want %d torrents, %d completed", got, len(r.model.torrents), r.model.completed)
	}
	records := map[InfoHash]Record{}
	scraped := slices.Collect(r.ScrapeAll())
	if !slices.IsSortedFunc(scraped, func(a, b Scraped) int { return bytes.Compare(a.InfoHash[:], b.InfoHash[:]) }) {
		r.t.Error("a full scrape is not in order")
	}
	for rec := range r.Records(InfoHash{}) {
		records[rec.InfoHash] = rec
	}
	if len(scraped) != len(r.model.torrents) || len(records) != len(scraped) {
		r.t.Errorf("%d torrents scraped, %d records, want %d", len(scraped), len(records), len(r.model.torrents))
	}
	for _, got := range scraped {
		if want := r.wantCounts(got.InfoHash); got.Counts != want {
			r.t.Errorf("torrent %v: %+v, want %+v", got.InfoHash, got.Counts, want)
		}
		torrent := r.model.torrents[got.InfoHash]
		if torrent == nil {
			continue
		}
		if want := (Record{got.InfoHash, torrent.minute, torrent.downloaded}); records[got.InfoHash] != want {
			r.t.Errorf("record %+v, want %+v", records[got.InfoHash], want)
		}
		r.comparePeers(got.InfoHash, torrent)
	}
}

func (r *run) comparePeers(h InfoHash, want *modelTorrent) {
	s, i, _ := r.position(h)
	p4, p6 := view(&s.arena4, s.torrents.at(i).location4()), view(&s.arena6, s.torrents.at(i).location6())
	for f, n := range []counts{p4.counts, p6.counts} {
		if len(want.swarms[f].peers) != int(n.n) {
			r.t.Errorf("torrent %v: %d peers, want %d", h, n.n, len(want.swarms[f].peers))
		}
		for _, p := range want.swarms[f].peers {
			var at int
			var seeds bool
			var meta uint16
			if f == int(IPv4) {
				if at = p4.find(p.peer.key4()); at >= 0 {
					seeds, meta = p4.seeds(at), p4.at(uint32(at)).meta
				}
			} else if at = p6.find(p.peer.key6()); at >= 0 {
				seeds, meta = p6.seeds(at), p6.at(uint32(at)).meta
			}
			if at < 0 || seeds != p.seeder || (meta&metaCompleted != 0) != p.completed ||
				(meta&metaPaused != 0) != p.paused || meta&tickMask != uint16(p.last)&tickMask {
				r.t.Errorf("peer %+v: at %d, seeds %v, meta %x", p, at, seeds, meta)
			}
		}
	}
}

// location notes where the peers of torrent h are kept.
func (r *run) location(h InfoHash) {
	if s, i, ok := r.position(h); ok {
		r.locations[locationKind{IPv4, s.torrents.at(i).location4().block.class()}] = true
		r.locations[locationKind{IPv6, s.torrents.at(i).location6().block.class()}] = true
	}
}

// check makes sure that every kind of location has been seen.
func (h locations) check(t *testing.T) {
	for _, f := range []Family{IPv4, IPv6} {
		first := classFor(1)
		if f == IPv4 {
			first = classFor(inlinePeers + 1)
		}
		want := []int{0, classLarge}
		for class := first; class < len(classRoom); class++ {
			want = append(want, class)
		}
		for _, class := range want {
			if !h[locationKind{f, class}] {
				t.Errorf("the runs have not come through %v class %d", f, class)
			}
		}
	}
}

// reload starts another tracker from the database.
func (r *run) reload() {
	next := newRig(r.t, nil)
	for r.checkpoint(); r.unsaved != nil; {
		r.checkpoint()
	}
	for _, rec := range r.db {
		next.Load(next.now(), rec)
	}
	if got, want := next.records(), r.records(); !slices.Equal(got, want) {
		r.t.Errorf("loaded %v, want %v", got, want)
	}
	if c := next.TakeChanges(nil, 1); len(c) != 0 {
		r.t.Errorf("changes after loading: %+v", c)
	}
}
