package livesync

import (
	"testing"
	"testing/synctest"
	"time"

	"keeptrack/livesync/exact"
	"keeptrack/livesync/wire"
	"keeptrack/tracker"
)

// quietMember is newQuiet for one that keeps counts by origins.
func quietMember(t testing.TB, o Options) *instance {
	t.Helper()
	if o.Keep == nil {
		o.Keep = func(exact.State) {}
	}
	o.TorrentTimeout = 720 * time.Hour
	return quietNode(t, o)
}

// countPacket returns a packet of an instance about counts.
func countPacket(id wire.ID, from, to exact.Origin, m exact.Message) []byte {
	_, p := wire.AppendCount(nil, id, &wire.Count{From: from, To: to, Message: m})
	return p
}

// denying is an access list that refuses torrents.
func denying(hashes ...tracker.InfoHash) *tracker.Access {
	return &tracker.Access{Mode: tracker.AccessDeny, List: tracker.NewHashSet(hashes)}
}

// look has a node that nobody runs look at what has come.
func (i *instance) look() {
	i.lookAtCounts()
	i.counting.answer()
}

// TestCountsOfMembersAreNotMerged: what a member tells strangers changes nothing here,
// and its beacon makes nobody ask. A stranger's does, and so does a member's that has
// fallen silent.
func TestCountsOfMembersAreNotMerged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		known, unknown := tracker.InfoHash{1}, tracker.InfoHash{2}
		member, stranger := wire.ID{1}, wire.ID{2}
		tellFrom := func(id wire.ID, n uint64) []byte {
			p := wire.AppendTell(wire.AppendHeader(nil, id, wire.KindTell), wire.TellRecord{InfoHash: known, Downloaded: n})
			return wire.AppendTell(p, wire.TellRecord{InfoHash: unknown, Downloaded: n})
		}
		i := quietMember(t, defaults())
		i.settled()
		i.tracker.Merge(i.tracker.Instant(time.Now()), tracker.Record{InfoHash: known, LastAnnounce: uint32(minuteOf(time.Now())), Downloaded: 7})
		i.receive(countPacket(member, exact.Origin{1}, exact.Nobody, &exact.Hello{Serial: 1, Oldest: 1}), node, time.Now())
		i.look()
		want := func(what string, torrents int, count uint64, wants bool) {
			t.Helper()
			got := i.records()
			if len(got) != torrents || got[known].Downloaded != count || i.Cluster().Wanting != nil != wants {
				t.Errorf("%s: %v, wants %+v", what, got, i.Cluster().Wanting)
			}
		}
		i.receive(wire.AppendBeacon(nil, member, 1000), node, time.Now())
		i.receive(tellFrom(member, 9), node, time.Now())
		want("a member", 1, 7, false)
		i.scrape.owed.compare(known, 7, 1)
		i.receive(tellFrom(member, 6), node, time.Now())
		if !i.scrape.owed.any() {
			t.Error("less than is owed was told")
		}
		i.receive(tellFrom(member, 7), node, time.Now())
		if i.scrape.owed.any() {
			t.Error("what another has told is still owed")
		}
		s := i.Stats()
		if s.Drops != ([DropCount]uint64{}) || s.In[wire.KindTell].Records != 6 || i.Cluster().LastTell.IsZero() {
			t.Errorf("%+v, last tell %s", s, i.Cluster().LastTell)
		}

		i.receive(wire.AppendBeacon(nil, stranger, 1000), node, time.Now())
		want("a stranger's beacon", 1, 7, true)
		i.receive(tellFrom(stranger, 5), node, time.Now())
		want("a stranger with less", 2, 7, false)
		if !i.scrape.owed.any() {
			t.Error("nothing is owed to a stranger that has less")
		}
		i.receive(tellFrom(stranger, 12), node, time.Now())
		want("a stranger with more", 2, 12, false)
		if !i.Cluster().Counting.Floors {
			t.Error("there is no floor")
		}

		time.Sleep(memberFor * defaults().BeaconInterval)
		i.receive(tellFrom(member, 20), node, time.Now())
		want("a silent member", 2, 12, false)
		time.Sleep(time.Second)
		i.receive(tellFrom(member, 20), node, time.Now())
		want("one that has been silent for too long", 2, 20, false)
	})
}

// TestTotalsThatAreNotUsedAreCounted: as a member, for the same reasons as without
// origins.
func TestTotalsThatAreNotUsedAreCounted(t *testing.T) {
	known, unknown := tracker.InfoHash{1}, tracker.InfoHash{2}
	for _, tt := range []struct {
		name   string
		told   wire.TellRecord
		want   Drop
		count  uint64 // of the known torrent, afterwards
		denied bool
	}{
		{"higher", wire.TellRecord{InfoHash: known, Downloaded: 9}, DropNone, 9, false},
		{"lower", wire.TellRecord{InfoHash: known, Downloaded: 5}, DropNone, 7, false},
		{"unknown", wire.TellRecord{InfoHash: unknown, Downloaded: 5}, DropNone, 7, false},
		{"too old", wire.TellRecord{InfoHash: unknown, Age: 31 * 24 * 60, Downloaded: 9}, DropTooOld, 7, false},
		{"too old for a known one", wire.TellRecord{InfoHash: known, Age: 31 * 24 * 60, Downloaded: 9}, DropTooOld, 7, false},
		{"before 1970", wire.TellRecord{InfoHash: known, Age: 1<<32 - 1, Downloaded: 9}, DropTooOld, 7, false},
		{"beyond belief", wire.TellRecord{InfoHash: known, Downloaded: maxToldPlain + 1}, DropBadCount, 7, false},
		{"refused", wire.TellRecord{InfoHash: unknown, Downloaded: 9}, DropRefused, 7, true},
	} {
		i := quietMember(t, defaults())
		if tt.denied {
			i.tracker.SetAccess(denying(unknown))
		}
		now := time.Now()
		i.tracker.Merge(i.tracker.Instant(now), tracker.Record{InfoHash: known, LastAnnounce: uint32(minuteOf(now)), Downloaded: 7})
		i.receive(wire.AppendTell(wire.AppendHeader(nil, wire.ID{2}, wire.KindTell), tt.told), node, now)
		if got := i.counts(known).Downloaded; got != tt.count {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.count)
		}
		for d, n := range i.Stats().Drops {
			if want := Drop(d) == tt.want && tt.want != DropNone; want != (n == 1) {
				t.Errorf("%s: %s counted %d times", tt.name, Drop(d), n)
			}
		}
	}
}

// TestAPeerThatIsToldAnewIsNotCountedAnew: a member tells again of a peer that completed
// elsewhere, because another has taken it for stopped.
func TestAPeerThatIsToldAnewIsNotCountedAnew(t *testing.T) {
	i, other := quietMember(t, defaults()), quietMember(t, defaults())
	peer := tracker.MakePeer4([4]byte{8, 8, 8, 8}, 6881)
	i.tracker.TakePeers(i.tracker.Instant(time.Now()), []tracker.PeerState{{InfoHash: testHash, Peer: peer, Flags: tracker.PeerSeeds | tracker.PeerCompleted}})
	stop := wire.LivePeer{SyncRecord: tracker.SyncRecord{InfoHash: testHash, Peer: peer, Flags: tracker.SyncStopped}, Ago: time.Minute}
	i.receive(wire.AppendLiveAgain(nil, wire.ID{1}, i.ID(), 1, wire.AgainPart{Parts: 1}, []wire.LivePeer{stop}), node, time.Now())
	i.outbox.flush(func(_ wire.Kind, p []byte) {
		p[0]++ // from another than the receiver, which has the same id
		other.receive(p, node, time.Now())
	})
	if got := other.counts(testHash); got != (tracker.Counts{Seeders: 1}) {
		t.Errorf("it is %+v", got)
	}
}

// TestNobodysPartsBeyondBeliefAreCounted: what is taken in once stays for ever.
func TestNobodysPartsBeyondBeliefAreCounted(t *testing.T) {
	i := quietMember(t, defaults())
	m := &exact.Records{Last: 0xffff, Records: []exact.Record{{InfoHash: tracker.InfoHash{7}, Value: maxToldPlain + 1}, {InfoHash: tracker.InfoHash{8}, Value: maxToldPlain}}}
	i.receive(countPacket(wire.ID{9}, tracker.NewOrigin(), i.Origins().Present, m), node, time.Now())
	heard := i.counting.heard[0].Message.(*exact.Records).Records
	if drops := i.Stats().Drops[DropBadCount]; drops != 1 || len(heard) != 1 || heard[0].Value != maxToldPlain {
		t.Errorf("%d dropped, %+v left", drops, heard)
	}
}
