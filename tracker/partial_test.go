package tracker

import (
	"testing"
	"time"
)

// newPartialRig returns a rig whose file has a record that memory lacks.
func newPartialRig(t testing.TB) *rig {
	b := newRig(t, nil)
	b.LeaveInFile(b.now(), Record{hashB, b.now().minute(), 100})
	return b
}

// wantPartial fails the test unless all changes are those given, and returns them.
func (b *rig) wantPartial(want ...Change) []Change {
	b.t.Helper()
	got := b.changes()
	if !sameChanges(got, want) {
		b.t.Errorf("changes %+v, want %+v", got, want)
	}
	return got
}

// settle settles a batch of one change with what the file has, nil for nothing.
func (b *rig) settle(h InfoHash, r *Record) {
	in := InFile{Record: Record{InfoHash: h}}
	if r != nil {
		in = InFile{Record: *r, Found: true}
	}
	b.Settle(Settlement{Taken: 1, Partial: []InFile{in}})
}

// TestPartial: what is counted of a torrent that memory lacks is brought together
// with the file's record, whatever happens in which order.
func TestPartial(t *testing.T) {
	minute := newRig(t, nil).now().minute()
	tell := func(n uint64) func(b *rig) {
		return func(b *rig) { b.Merge(b.now(), Record{hashB, b.now().minute(), n}) }
	}
	peers := 0
	complete := func(b *rig) {
		peers++
		b.complete(hashB, peer4(100*peers))
	}
	for _, c := range []struct {
		name  string
		do    []func(b *rig) // before the changes are taken
		taken Change
		more  []func(b *rig) // until they are settled
		file  *Record
		shown uint64 // before it is settled
		want  uint64
	}{
		{"an announce", []func(*rig){func(b *rig) { b.leech(hashB, peer4(1)) }},
			Change{Partial: true}, nil, &Record{hashB, minute, 100}, 0, 100},
		{"completed", []func(*rig){complete, complete},
			Change{Record: Record{Downloaded: 2}, Partial: true}, nil, &Record{hashB, minute, 100}, 2, 102},
		{"completed, and again meanwhile", []func(*rig){complete},
			Change{Record: Record{Downloaded: 1}, Partial: true}, []func(*rig){complete, complete}, &Record{hashB, minute, 100}, 3, 103},
		{"told less", []func(*rig){tell(50), complete},
			Change{Record: Record{Downloaded: 1}, Partial: true, Floor: 51}, nil, &Record{hashB, minute, 100}, 51, 101},
		{"told more", []func(*rig){complete, tell(500), complete},
			Change{Record: Record{Downloaded: 2}, Partial: true, Floor: 501}, []func(*rig){complete}, &Record{hashB, minute, 100}, 502, 502},
		{"told meanwhile", []func(*rig){complete},
			Change{Record: Record{Downloaded: 1}, Partial: true}, []func(*rig){tell(700), complete}, &Record{hashB, minute, 100}, 701, 701},
		{"told as much as others are believed", []func(*rig){tell(1 << 40), complete},
			Change{Record: Record{Downloaded: 1}, Partial: true, Floor: 1<<40 + 1}, nil, &Record{hashB, minute, 100}, 1<<40 + 1, 1<<40 + 1},
		{"not in the file", []func(*rig){complete},
			Change{Record: Record{Downloaded: 1}, Partial: true}, nil, nil, 1, 1},
		{"the file has the largest count", []func(*rig){complete},
			Change{Record: Record{Downloaded: 1}, Partial: true}, nil, &Record{hashB, minute, MaxDownloaded}, 1, MaxDownloaded},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newPartialRig(t)
			for _, do := range c.do {
				do(b)
			}
			c.taken.InfoHash, c.taken.LastAnnounce = hashB, minute
			b.wantPartial(c.taken)
			for _, do := range c.more {
				do(b)
			}
			if got := b.scrape(hashB).Downloaded; got != c.shown {
				t.Errorf("%d shown before it is settled, want %d", got, c.shown)
			}
			b.settle(hashB, c.file)
			if got := b.scrape(hashB).Downloaded; got != c.want {
				t.Errorf("%d, want %d", got, c.want)
			}
			if got := b.leech(hashB, peer4(1)).Downloaded; got != c.want {
				t.Errorf("%d in a reply, want %d", got, c.want)
			}
			if alone := b.InFileAlone(); alone == 0 != (c.file != nil) {
				t.Errorf("%d records in the file alone", alone)
			}
			var rest []Change
			if len(c.more) > 0 {
				rest = []Change{{Record: Record{hashB, minute, c.want}}}
			}
			b.wantPartial(rest...) // whole from now on
		})
	}
}

// TestPartialOfTheFuture: the later last announce stays.
func TestPartialOfTheFuture(t *testing.T) {
	b := newPartialRig(t)
	b.leech(hashB, peer4(1))
	b.changes()
	later := b.now().minute() + 5
	b.settle(hashB, &Record{hashB, later, 3})
	if got := b.records(); len(got) != 1 || got[0] != (Record{hashB, later, 3}) {
		t.Errorf("%+v", got)
	}
}

// TestPartialHere: what is counted here stops before it runs into the floor.
func TestPartialHere(t *testing.T) {
	torrent := torrent{partial: true, downloaded: (maxHere-1)<<floorBits | (floorMask - 1)}
	for range 3 {
		torrent.complete()
	}
	if torrent.here() != maxHere || torrent.floor() != floorMask {
		t.Errorf("%d here, floor %d", torrent.here(), torrent.floor())
	}
	torrent.tell(MaxDownloaded)
	if torrent.here() != maxHere || torrent.floor() != floorMask {
		t.Errorf("%d here, floor %d", torrent.here(), torrent.floor())
	}
}

// TestPartialIsSwept: one without counts goes as any other, and nothing is removed
// from the file; one with counts stays until the file has them.
func TestPartialIsSwept(t *testing.T) {
	b := newPartialRig(t)
	b.leech(hashB, peer4(1))
	b.complete(hashA, peer4(2))
	b.expireAll()
	if _, kept := b.record(&hashB); kept {
		t.Error("one without counts is kept")
	}
	if _, kept := b.record(&hashA); !kept {
		t.Error("counts are lost")
	}
	taken := b.changes()
	if len(taken) != 1 || taken[0].InfoHash != hashA || !taken[0].Partial {
		t.Errorf("changes %+v", taken)
	}
	b.settle(hashA, nil)
	b.sweepAll()
	b.wantPartial(Change{Record: Record{InfoHash: hashA}, Removed: true})
}

// TestDroppedWhileItIsWritten: the file has it then, and memory has not.
func TestDroppedWhileItIsWritten(t *testing.T) {
	for _, found := range []bool{false, true} {
		b := newPartialRig(t)
		b.leech(hashA, peer4(1))
		b.changes()
		b.expireAll()
		file, want := (*Record)(nil), 2 // hashB and hashA
		if found {
			file, want = &Record{hashA, 1, 5}, 1 // which was counted before
		}
		b.settle(hashA, file)
		if got := b.InFileAlone(); got != want {
			t.Errorf("found %v: %d in the file alone, want %d", found, got, want)
		}
		b.wantPartial()
	}
}

// TestExpiredInFile: a record that the file lets go is no longer one that it alone
// has.
func TestExpiredInFile(t *testing.T) {
	b := newPartialRig(t)
	if got := b.InFileAlone(); got != 1 {
		t.Fatalf("%d in the file alone, want 1", got)
	}
	b.Settle(Settlement{Expired: 1})
	if got := b.InFileAlone(); got != 0 {
		t.Errorf("%d in the file alone once it has expired", got)
	}
}

// TestRemovedComesBackPartial: the removal is not written, and the file's record
// comes back with the torrent.
func TestRemovedComesBackPartial(t *testing.T) {
	b := newRig(t, nil)
	b.Load(b.now(), Record{hashA, b.now().minute(), 7})
	b.expireAll() // its removal waits for a checkpoint
	b.LeaveInFile(b.now(), Record{hashB, b.now().minute(), 1})
	b.complete(hashA, peer4(1))
	b.wantPartial(Change{Record: Record{hashA, b.now().minute(), 1}, Partial: true})
	if got := b.InFileAlone(); got != 2 {
		t.Errorf("%d in the file alone, want 2", got)
	}
	b.settle(hashA, &Record{hashA, 1, 7})
	if got := b.InFileAlone(); got != 1 {
		t.Errorf("%d in the file alone, want 1", got)
	}
	b.wantScrape(hashA, Counts{Seeders: 1, Downloaded: 8})
}

// TestUnwritten counts changes that are on their way.
func TestUnwritten(t *testing.T) {
	b := newRig(t, nil)
	for i := range 10 {
		b.leech(hashN(byte(i), i), peer4(i))
	}
	want := func(n int64) {
		t.Helper()
		if got := b.taking.unwritten.Load(); got != n {
			t.Errorf("%d changes are on their way, want %d", got, n)
		}
	}
	want(0)
	taken := b.TakeChanges(nil, 4)
	want(4)
	b.RestoreChanges(taken)
	want(0)
	b.TakeChanges(nil, 100)
	want(10)
	b.Settle(Settlement{Taken: 10})
	want(0)
}

// TestExpired: records in the file alone go as torrents in memory do, by the same
// clock.
func TestExpired(t *testing.T) {
	keep := testOptions().TorrentTimeout
	for _, c := range []struct {
		name       string
		age        time.Duration
		downloaded uint64
		do         func(b *rig)
		want       bool
	}{
		{"young", keep - time.Minute, 5, func(*rig) {}, false},
		{"old", keep, 5, func(*rig) {}, true},
		{"never completed, young", time.Hour, 0, func(*rig) {}, false},
		{"never completed, old", 2 * time.Hour, 0, func(*rig) {}, true},
		{"old, and in memory", keep, 5, func(b *rig) { b.leech(hashA, peer4(1)) }, false},
		{"after a long gap", keep / 2, 5, func(b *rig) { b.advance(keep); b.lookAtClock(b.now(), time.Hour) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newRig(t, nil)
			r := Record{hashA, b.now().minute() - uint32(c.age/time.Minute), c.downloaded}
			if b.Expired(r) {
				t.Error("without any record in the file alone")
			}
			b.LeaveInFile(b.now(), Record{hashB, b.now().minute(), 1})
			if b.Expired(r) {
				t.Error("before the sweep has looked at the clock")
			}
			b.lookAtClock(b.now(), time.Hour)
			c.do(b)
			if got := b.Expired(r); got != c.want {
				t.Errorf("expired %v, want %v", got, c.want)
			}
		})
	}
}
