package livesync

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"keeptrack/livesync/transport"
	"keeptrack/livesync/transport/memory"
	"keeptrack/livesync/wire"
	"keeptrack/tracker"
)

// testRecords returns n torrents, the same ones for the same numbers, announced
// within the last two hours and with counts above 0.
func testRecords(n int) []tracker.Record {
	rs := make([]tracker.Record, n)
	minute := uint32(minuteOf(time.Now()))
	for k := range rs {
		r := &rs[k]
		binary.BigEndian.PutUint64(r.InfoHash[:], uint64(k+1)*0x9e3779b97f4a7c15)
		r.LastAnnounce = minute - uint32(k%120)
		r.Downloaded = uint64(k%1000 + 1)
	}
	return rs
}

// records returns what an instance holds.
func (i *instance) records() map[tracker.InfoHash]tracker.Record {
	m := make(map[tracker.InfoHash]tracker.Record)
	for r := range i.tracker.Records(tracker.InfoHash{}) {
		m[r.InfoHash] = r
	}
	return m
}

func byHash(rs []tracker.Record) map[tracker.InfoHash]tracker.Record {
	m := make(map[tracker.InfoHash]tracker.Record, len(rs))
	for _, r := range rs {
		m[r.InfoHash] = r
	}
	return m
}

// heardPacket is a packet of scrape sync that was on a network.
type heardPacket struct {
	at   time.Duration
	from transport.Endpoint
	wire.Packet
}

// capture writes down the packets that are sent on a network, but for those of peers.
// It opens those sealed with the key of keysOf(t, 1).
func capture(t testing.TB, n *memory.Network) *[]heardPacket {
	t.Helper()
	began := time.Now()
	var list []heardPacket
	keys := keysOf(t, 1)
	n.Tap(func(from transport.Endpoint, b []byte) {
		if wire.Sealed(b) {
			b, _, _ = keys.Open(nil, b)
		}
		if p, err := wire.Parse(slices.Clone(b)); err == nil && p.Kind != wire.KindLive && p.Kind != wire.KindLive6 {
			list = append(list, heardPacket{time.Since(began), from, p})
		}
	})
	return &list
}

func only(list []heardPacket, k wire.Kind) []heardPacket {
	return slices.DeleteFunc(slices.Clone(list), func(p heardPacket) bool { return p.Kind != k })
}

// offMinute waits until well after the start of a minute, so that no packet
// crosses the end of one in the seconds that follow.
func offMinute() { time.Sleep(17 * time.Second) }

func stopAll(t *testing.T, is ...*instance) {
	for _, i := range is {
		i.stop(t)
	}
}

// settled makes an instance one that has run for long: it has heard beacons
// before.
func (i *instance) settled() *instance {
	i.scrape.mu.Lock()
	defer i.scrape.mu.Unlock()
	i.scrape.d.fresh = false
	return i
}

func TestEmptyInstanceCatchesUpWithTheLargest(t *testing.T) {
	for name, old := range map[string]bool{"others have run for long": true, "all start together": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { catchUpStory(t, old) })
		})
	}
}

// catchUpStory has an empty instance join three. If those have run for long,
// only the largest is asked; after a start even that one asks another.
func catchUpStory(t *testing.T, old bool) {
	offMinute()
	n := newNetwork(1, lan)
	sent := capture(t, n)
	all := testRecords(30_000)
	thirty := start(t, n, defaults(), all...)
	group := []*instance{thirty, start(t, n, defaults(), all[:10_000]...), start(t, n, defaults(), all[:20_000]...)}
	for _, i := range group {
		if old {
			i.settled()
		}
	}
	empty := start(t, n, defaults())
	group = append(group, empty)
	time.Sleep(defaults().FirstBeaconDelay + 4*defaults().BeaconInterval)
	synctest.Wait()

	first := only(*sent, wire.KindBeacon)[0].at
	inquiries := 0
	for _, q := range only(*sent, wire.KindInquire) {
		if q.at < first+2*defaults().BeaconInterval {
			t.Errorf("%s asked %s after the first beacon", q.From, q.at-first)
		}
		if q.From != empty.ID() && !old {
			continue
		}
		inquiries++
		if q.Target() != thirty.ID() {
			t.Errorf("%s asked %s, want %s", q.From, q.Target(), thirty.ID())
		}
	}
	if inquiries == 0 {
		t.Error("nobody inquired")
	}
	expectSilenceDuringTell(t, *sent)
	told := make(map[wire.ID]int)
	for _, p := range only(*sent, wire.KindTell) {
		told[p.From] += p.Records()
	}
	if told[thirty.ID()] != len(all) || old && len(told) != 1 {
		t.Errorf("records told by instance: %v; %s has %d", told, thirty.ID(), len(all))
	}
	for k, i := range group {
		if !maps.Equal(i.records(), byHash(all)) {
			t.Errorf("instance %d differs from what was told", k)
		}
	}
	stopAll(t, group...)
}

// expectSilenceDuringTell checks that between the first and the last TELL, and
// for an interval after it, nobody beacons or inquires.
func expectSilenceDuringTell(t *testing.T, packets []heardPacket) {
	t.Helper()
	tells := only(packets, wire.KindTell)
	if len(tells) == 0 {
		t.Fatal("nobody tells")
	}
	begin, end := tells[0].at, tells[len(tells)-1].at
	for _, p := range packets {
		if p.Kind != wire.KindTell && p.at >= begin && p.at < end+defaults().BeaconInterval {
			t.Errorf("%s sent by %s %s after the tell began, which took %s", p, p.From, p.at-begin, end-begin)
		}
	}
}

func TestCountsOfOthersDoNotChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		offMinute()
		n := newNetwork(1, lan)
		all := testRecords(3_000)
		low := slices.Clone(all)
		for k := range low {
			low[k].Downloaded *= 2
		}
		full, other, empty := start(t, n, defaults(), all...), start(t, n, defaults(), low...), start(t, n, defaults())
		time.Sleep(defaults().FirstBeaconDelay + 2*defaults().BeaconInterval + 30*time.Second)
		synctest.Wait()
		if empty.tracker.Torrents() != len(all) {
			t.Fatalf("the empty instance has %d torrents", empty.tracker.Torrents())
		}
		if !maps.Equal(other.records(), byHash(low)) {
			t.Error("higher counts changed")
		}
		stopAll(t, full, other, empty)
	})
}

func TestChosenInstanceThatDiesIsAskedThreeTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		offMinute()
		n := newNetwork(1, lan)
		sent := capture(t, n)
		b := defaults().BeaconInterval
		large, empty := start(t, n, defaults(), testRecords(2_200)...), start(t, n, defaults())
		time.Sleep(b / 3)
		small := start(t, n, defaults(), testRecords(2_000)...)
		time.Sleep(defaults().FirstBeaconDelay + b/3)
		large.stop(t)
		time.Sleep(12 * b)
		synctest.Wait()
		var asked []string
		for _, q := range only(*sent, wire.KindInquire) {
			if q.From == empty.ID() {
				asked = append(asked, fmt.Sprint(q.at-defaults().FirstBeaconDelay, q.Target() == large.ID()))
			}
		}
		// The first beacon comes lan.Latency after it was sent. The small one's
		// are a third of an interval later.
		want := []string{
			fmt.Sprint(2*b+lan.Latency, true), fmt.Sprint(3*b+lan.Latency, true), fmt.Sprint(4*b+lan.Latency, true),
			fmt.Sprint(7*b+b/3+lan.Latency, false),
		}
		if !slices.Equal(asked, want) {
			t.Errorf("asked %v, want %v", asked, want)
		}
		if !maps.Equal(empty.records(), small.records()) {
			t.Error("did not catch up with the one that is left")
		}
		stopAll(t, small, empty)
	})
}

func TestTellAndCounterTellLeaveTheMaximumEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		offMinute()
		n := newNetwork(1, lan)
		sent := capture(t, n)
		all := testRecords(3_000)
		larger, smaller := slices.Clone(all), slices.Clone(all[:2_000])
		want := byHash(all)
		for k := range smaller {
			if k%3 == 0 {
				smaller[k].Downloaded += 5
				want[smaller[k].InfoHash] = smaller[k]
			}
		}
		a, b := start(t, n, defaults(), larger...).settled(), start(t, n, defaults(), smaller...).settled()
		time.Sleep(defaults().FirstBeaconDelay + 5*defaults().BeaconInterval)
		synctest.Wait()

		var fromA, fromB []heardPacket
		repaid := 0
		for _, p := range only(*sent, wire.KindTell) {
			if p.From == a.ID() {
				fromA = append(fromA, p)
				continue
			}
			fromB = append(fromB, p)
			repaid += p.Records()
		}
		if len(fromA) == 0 || len(fromB) == 0 {
			t.Fatalf("%d packets told, %d repaid", len(fromA), len(fromB))
		}
		if wait := fromB[0].at - fromA[len(fromA)-1].at; wait < defaults().BeaconInterval {
			t.Errorf("the counter-tell began %s after the tell", wait)
		}
		if want := (len(smaller) + 2) / 3; repaid != want {
			t.Errorf("%d records repaid, want %d", repaid, want)
		}
		for name, i := range map[string]*instance{"larger": a, "smaller": b} {
			for h, r := range i.records() {
				if r.Downloaded != want[h].Downloaded {
					t.Errorf("%s has %d of %s, want %d", name, r.Downloaded, h, want[h].Downloaded)
				}
			}
		}
		if a.tracker.Torrents() != len(all) || b.tracker.Torrents() != len(all) {
			t.Errorf("%d and %d torrents, want %d", a.tracker.Torrents(), b.tracker.Torrents(), len(all))
		}
		stopAll(t, a, b)
	})
}

func TestRestartedInstanceCatchesUpWithAnEqualOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		offMinute()
		n := newNetwork(1, lan)
		now, old := testRecords(1_000), testRecords(1_000)
		for k := range now {
			now[k].Downloaded += 3 // completed while the other was down
		}
		up, restarted := start(t, n, defaults(), now...), start(t, n, defaults(), old...)
		time.Sleep(defaults().FirstBeaconDelay + 3*defaults().BeaconInterval)
		synctest.Wait()
		if !maps.Equal(restarted.records(), byHash(now)) {
			t.Error("the restarted instance did not catch up")
		}
		stopAll(t, up, restarted)
	})
}

func TestInquiryIsAnsweredInTheFirstSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		offMinute()
		n := newNetwork(1, lan)
		all := testRecords(5_000)
		empty, full := start(t, n, defaults()), start(t, n, defaults(), all...)
		if err := empty.transport.Send(full.port.Endpoint(), wire.AppendInquire(nil, empty.ID(), full.ID())); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if !maps.Equal(empty.records(), byHash(all)) {
			t.Errorf("%d torrents after a second, want %d", empty.tracker.Torrents(), len(all))
		}
		stopAll(t, empty, full)
	})
}

func TestPartitionedInstanceCatchesUpOnceTheNetworkIsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		offMinute()
		n := newNetwork(1, lan)
		all := testRecords(2_000)
		full, empty := start(t, n, defaults(), all...), start(t, n, defaults())
		n.SetLink(full.port, empty.port, memory.Link{Cut: true})
		time.Sleep(defaults().FirstBeaconDelay + 10*defaults().BeaconInterval)
		if got := empty.tracker.Torrents(); got != 0 {
			t.Fatalf("%d torrents through a cut link", got)
		}
		n.SetLink(full.port, empty.port, lan)
		time.Sleep(4 * defaults().BeaconInterval)
		synctest.Wait()
		if !maps.Equal(empty.records(), byHash(all)) {
			t.Error("did not catch up")
		}
		stopAll(t, full, empty)
	})
}

func TestScrapePacketsThatAreNotUsedAreCounted(t *testing.T) {
	tellOf := func(r wire.TellRecord) []byte {
		return wire.AppendTell(wire.AppendHeader(nil, wire.ID{1}, wire.KindTell), r)
	}
	known, unknown := tracker.InfoHash{1}, tracker.InfoHash{2}
	tests := []struct {
		name   string
		packet []byte
		want   Drop
		count  uint64 // of the known torrent, afterwards
	}{
		{"BEACON of zero", wire.AppendBeacon(nil, wire.ID{1}, 0), DropEmptyBeacon, 7},
		{"INQUIRE of another", wire.AppendInquire(nil, wire.ID{1}, wire.ID{2}), DropOtherTarget, 7},
		{"offset 2^32-1, unknown", tellOf(wire.TellRecord{InfoHash: unknown, Age: 1<<32 - 1, Downloaded: 9}), DropTooOld, 7},
		{"offset 2^32-1, known", tellOf(wire.TellRecord{InfoHash: known, Age: 1<<32 - 1, Downloaded: 9}), DropBadAge, 9},
		{"count 2^64-1", tellOf(wire.TellRecord{InfoHash: known, Age: 0, Downloaded: 1<<64 - 1}), DropBadCount, 7},
		{"both", tellOf(wire.TellRecord{InfoHash: known, Age: 1<<32 - 1, Downloaded: 1<<64 - 1}), DropBadCount, 7},
		{"largest believed count", tellOf(wire.TellRecord{InfoHash: known, Age: 0, Downloaded: 1 << 36}), DropNone, 1 << 36},
		{"one beyond the largest believed count", tellOf(wire.TellRecord{InfoHash: known, Age: 0, Downloaded: 1<<36 + 1}), DropBadCount, 7},
		{"unknown, beyond the largest believed count", tellOf(wire.TellRecord{InfoHash: unknown, Age: 0, Downloaded: 1 << 40}), DropBadCount, 7},
		{"older than torrents are kept", tellOf(wire.TellRecord{InfoHash: unknown, Age: 31 * 24 * 60, Downloaded: 9}), DropTooOld, 7},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			i := newQuiet(t)
			minute := uint32(minuteOf(time.Now()))
			i.tracker.Load(i.tracker.Instant(time.Now()), tracker.Record{InfoHash: known, LastAnnounce: minute - 5, Downloaded: 7})
			i.receive(tt.packet, node, time.Now())
			got := i.records()
			if len(got) != 1 || got[known].Downloaded != tt.count {
				t.Errorf("holds %v, want %d", got, tt.count)
			}
			if tt.want != DropNone && got[known].LastAnnounce != minute-5 {
				t.Errorf("last announce moved by %d minutes", got[known].LastAnnounce-(minute-5))
			}
			for d, n := range i.Stats().Drops {
				if want := Drop(d) == tt.want && tt.want != DropNone; n > 1 || want != (n == 1) {
					t.Errorf("%s counted %d times", Drop(d), n)
				}
			}
			if w := i.Cluster().Wanting; w != nil {
				t.Errorf("wants %+v", w)
			}
		})
	}
}

// TestRecordsAfterABadOneAreUsed: of a TELL packet only the record that cannot be
// used is dropped.
func TestRecordsAfterABadOneAreUsed(t *testing.T) {
	good, other := tracker.InfoHash{1}, tracker.InfoHash{2}
	for name, bad := range map[string]wire.TellRecord{
		"count too high": {InfoHash: other, Downloaded: 1<<64 - 1},
		"too old":        {InfoHash: other, Age: 31 * 24 * 60, Downloaded: 9},
	} {
		t.Run(name, func(t *testing.T) {
			i := newQuiet(t)
			packet := wire.AppendHeader(nil, wire.ID{1}, wire.KindTell)
			packet = wire.AppendTell(packet, bad)
			i.receive(wire.AppendTell(packet, wire.TellRecord{InfoHash: good, Downloaded: 5}), node, time.Now())
			if got := i.records(); len(got) != 1 || got[good].Downloaded != 5 {
				t.Errorf("holds %v", got)
			}
		})
	}
}

// TestAgeOfTheEpoch: a record may be as old as unix time, to the minute.
func TestAgeOfTheEpoch(t *testing.T) {
	known := tracker.InfoHash{1}
	for age, bad := range map[int64]uint64{0: 0, 1: 1} {
		i, now := newQuiet(t), time.Now()
		i.tracker.Load(i.tracker.Instant(now), tracker.Record{InfoHash: known, LastAnnounce: uint32(minuteOf(now)), Downloaded: 7})
		r := wire.TellRecord{InfoHash: known, Age: uint32(minuteOf(now) + age), Downloaded: 9}
		i.receive(wire.AppendTell(wire.AppendHeader(nil, wire.ID{1}, wire.KindTell), r), node, now)
		if got := i.Stats().Drops[DropBadAge]; got != bad {
			t.Errorf("%d minutes before the epoch: %d refused, want %d", age, got, bad)
		}
	}
}

func TestClusterShowsTheGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		offMinute()
		n := newNetwork(1, lan)
		full, empty := start(t, n, defaults(), testRecords(1_000)...), start(t, n, defaults())
		time.Sleep(defaults().FirstBeaconDelay + time.Second)
		c := empty.Cluster()
		if len(c.Instances) != 1 || c.Instances[0].ID != full.ID() || c.Instances[0].Torrents == nil || *c.Instances[0].Torrents != 1_000 || c.Instances[0].Source != full.port.Endpoint() {
			t.Errorf("instances %+v", c.Instances)
		}
		if c.Wanting == nil || c.Wanting.Best != full.ID() {
			t.Errorf("wanting %+v", c.Wanting)
		}
		time.Sleep(2*defaults().BeaconInterval - time.Second + lanLimits.ReorderWindow + 10*time.Millisecond)
		if c := full.Cluster(); c.Tell.Activity != "tell" || c.Tell.Records == 0 {
			t.Errorf("in the tell: %+v", c.Tell)
		}
		time.Sleep(time.Minute / 2)
		c = empty.Cluster()
		if c.Wanting != nil || c.Torrents != 1_000 || c.Instances[0].In[wire.KindTell].Records != 1_000 || c.LastTell.IsZero() {
			t.Errorf("afterwards: %+v", c)
		}
		if c := full.Cluster(); c.Tell.Activity != "none" || c.Tell.Records != 1_000 || c.Tell.Shards != tracker.ShardCount {
			t.Errorf("afterwards: %+v", c.Tell)
		}
		stopAll(t, full, empty)
	})
}

// TestAnEarlierDeadlineIsLookedAt: what a beacon calls for does not wait for the time
// at which the instance looks again by itself.
func TestAnEarlierDeadlineIsLookedAt(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		name  string
		armed time.Time
		want  int
	}{
		{"not armed", time.Time{}, 1},
		{"armed for later", now.Add(1000 * time.Hour), 1},
		{"armed for earlier", now.Add(1), 0},
	} {
		i := newQuiet(t)
		i.scrape.armed = tt.armed
		i.decide(beaconOf('a', 1000, 0), now)
		if got := len(i.scrape.wake); got != tt.want || len(i.scrape.pending) > 0 {
			t.Errorf("%s: %d wakes, want %d; pending %+v", tt.name, got, tt.want, i.scrape.pending)
		}
	}
}
