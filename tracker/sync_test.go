package tracker

import (
	"testing"
	"time"
)

const seedComplete = SyncSeeding | SyncComplete

func TestApplySync(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(b *rig)
		want Counts
	}{
		{"a leecher", func(b *rig) { b.sync(hashA, peer4(1), 0) }, Counts{Leechers: 1, Downloaders: 1}},
		{"a seeder", func(b *rig) { b.sync(hashA, peer6(1), SyncSeeding) }, Counts{Seeders: 1}},
		{"a role change", func(b *rig) { b.sync(hashA, peer4(1), 0); b.sync(hashA, peer4(1), SyncSeeding) }, Counts{Seeders: 1}},
		{"a stop", func(b *rig) { b.leech(hashA, peer4(1)); b.sync(hashA, peer4(1), SyncStopped) }, Counts{}},
		{"a stop with other flags", func(b *rig) {
			b.leech(hashA, peer4(1))
			b.sync(hashA, peer4(1), SyncStopped|seedComplete)
		}, Counts{}},
		{"an internal flag is ignored", func(b *rig) { b.sync(hashA, peer4(1), SyncSeeding|0x10) }, Counts{Seeders: 1}},
		{"a completion", func(b *rig) { b.sync(hashA, peer4(1), seedComplete) }, Counts{Seeders: 1, Downloaded: 1}},
		{"a completion of a known peer", func(b *rig) { b.leech(hashA, peer4(1)); b.sync(hashA, peer4(1), seedComplete) }, Counts{Seeders: 1, Downloaded: 1}},
		{"a completion twice", func(b *rig) { b.sync(hashA, peer4(1), seedComplete); b.sync(hashA, peer4(1), seedComplete) }, Counts{Seeders: 1, Downloaded: 1}},
		{"a completion heard from the client too", func(b *rig) { b.complete(hashA, peer4(1)); b.sync(hashA, peer4(1), seedComplete) }, Counts{Seeders: 1, Downloaded: 1}},
		{"a completion, then from the client", func(b *rig) { b.sync(hashA, peer4(1), seedComplete); b.complete(hashA, peer4(1)) }, Counts{Seeders: 1, Downloaded: 1}},
		{"completions of two peers", func(b *rig) { b.sync(hashA, peer4(1), seedComplete); b.sync(hashA, peer6(1), seedComplete) }, Counts{Seeders: 2, Downloaded: 2}},
		{"a renewal no longer paused", func(b *rig) {
			b.announce(hashA, peer4(1), func(a *Announce) { a.Event = EventPaused })
			b.sync(hashA, peer4(1), 0)
		}, Counts{Leechers: 1, Downloaders: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newRig(t, nil)
			c.do(b)
			b.wantScrape(hashA, c.want)
		})
	}
}

func TestApplySyncResults(t *testing.T) {
	bogon := MakePeer4([4]byte{10, 0, 0, 1}, 1)
	for _, c := range []struct {
		name   string
		access Access
		peer   Peer
		flags  SyncFlags
		want   SyncResult
		kept   int
	}{
		{"taken in", Access{}, peer4(1), 0, SyncApplied, 1},
		{"stop on an unknown torrent", Access{}, peer4(1), SyncStopped, SyncApplied, 0},
		{"port 0", Access{}, MakePeer(peer4(1).Addr(), 0), 0, SyncBadPeer, 0},
		{"private address", Access{}, bogon, 0, SyncBadPeer, 0},
		{"refused", Access{Mode: AccessAllow}, peer4(1), 0, SyncRefused, 0},
		{"stop of a refused torrent", Access{Mode: AccessAllow}, peer4(1), SyncStopped, SyncRefused, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newRig(t, func(o *Options) { o.AllowPrivate = false })
			b.SetAccess(&c.access)
			if got := b.sync(hashA, c.peer, c.flags); got != c.want || b.Torrents() != c.kept {
				t.Errorf("%v, %d torrents; want %v, %d", got, b.Torrents(), c.want, c.kept)
			}
		})
	}
}

// TestLateCompletion is about COMPLETE records that arrive again when their
// peer has stopped.
func TestLateCompletion(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(b *rig)
		want uint64
	}{
		{"after a stop from the cluster", func(b *rig) {
			b.sync(hashA, peer4(1), seedComplete)
			b.sync(hashA, peer4(1), SyncStopped)
			b.sync(hashA, peer4(1), seedComplete)
		}, 1},
		{"after a stop from the client", func(b *rig) {
			b.complete(hashA, peer4(1))
			b.stop(hashA, peer4(1))
			b.sync(hashA, peer4(1), seedComplete)
		}, 1},
		{"again and again", func(b *rig) {
			b.sync(hashA, peer6(1), seedComplete)
			for range 40 {
				b.sync(hashA, peer6(1), SyncStopped)
				b.sync(hashA, peer6(1), seedComplete)
			}
		}, 1},
		{"at the end of the memory", func(b *rig) {
			b.sync(hashA, peer4(1), seedComplete)
			b.sync(hashA, peer4(1), SyncStopped)
			b.advance(completionMemory * time.Second)
			b.sync(hashA, peer4(1), seedComplete)
		}, 1},
		{"past the memory", func(b *rig) {
			b.sync(hashA, peer4(1), seedComplete)
			b.sync(hashA, peer4(1), SyncStopped)
			b.advance((completionMemory + 1) * time.Second)
			b.sync(hashA, peer4(1), seedComplete)
		}, 2},
		{"by an instant made before the stop", func(b *rig) {
			b.sync(hashA, peer4(1), seedComplete)
			b.sync(hashA, peer4(1), SyncStopped)
			b.advance(-time.Second)
			b.sync(hashA, peer4(1), seedComplete)
		}, 1},
		{"of another peer", func(b *rig) {
			b.sync(hashA, peer4(1), seedComplete)
			b.sync(hashA, peer4(1), SyncStopped)
			b.sync(hashA, peer4(2), seedComplete)
		}, 2},
		{"on another torrent", func(b *rig) {
			b.sync(hashB, peer4(1), seedComplete)
			b.sync(hashB, peer4(1), SyncStopped)
			b.sync(hashA, peer4(1), seedComplete)
		}, 1},
		{"overtaken by its stop", func(b *rig) {
			b.leech(hashA, peer4(1))
			b.sync(hashA, peer4(1), SyncStopped)
			b.sync(hashA, peer4(1), seedComplete)
			b.sync(hashA, peer4(1), seedComplete)
		}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newRig(t, nil)
			c.do(b)
			if got := b.scrape(hashA).Downloaded; got != c.want {
				t.Errorf("downloaded %d, want %d", got, c.want)
			}
		})
	}
}

func TestLastAnnounce(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(b *rig)
		want bool // it is now
	}{
		{"an announce", func(b *rig) { b.leech(hashA, peer4(1)) }, true},
		{"an announce of another peer", func(b *rig) { b.seed(hashA, peer6(1)) }, true},
		{"a stop", func(b *rig) { b.stop(hashA, peer4(1)) }, true},
		{"a stop of an unknown peer", func(b *rig) { b.stop(hashA, peer4(2)) }, false},
		{"port 0", func(b *rig) { b.leech(hashA, MakePeer(peer4(1).Addr(), 0)) }, false},
		{"a scrape", func(b *rig) { b.scrape(hashA) }, false},
		{"a record of live sync", func(b *rig) { b.sync(hashA, peer4(1), 0) }, true},
		{"a stop by live sync", func(b *rig) { b.sync(hashA, peer4(1), SyncStopped) }, true},
		{"a bad record of live sync", func(b *rig) { b.sync(hashA, MakePeer(peer4(1).Addr(), 0), 0) }, false},
		{"the clock set back", func(b *rig) { b.advance(-10 * time.Minute); b.leech(hashA, peer4(1)) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newRig(t, nil)
			b.leech(hashA, peer4(1))
			want := b.now().minute()
			b.advance(5 * time.Minute)
			if c.want {
				want += 5
			}
			c.do(b)
			if got := b.records()[0].LastAnnounce; got != want {
				t.Errorf("%d minutes, want %d", got, want)
			}
		})
	}
}
