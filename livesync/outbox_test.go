package livesync

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"keeptrack/livesync/wire"
	"keeptrack/tracker"
)

func syncRecord(addr string, port uint16) *tracker.SyncRecord {
	return &tracker.SyncRecord{
		InfoHash: tracker.InfoHash{1},
		Peer:     tracker.MakePeer(netip.MustParseAddr(addr), port),
		Flags:    tracker.SyncSeeding,
	}
}

// sentPacket is what an outbox sent, and how long after the test's start.
type sentPacket struct {
	at      time.Duration
	kind    wire.Kind
	records int
}

// runOutbox starts an outbox and returns what it has sent and a way to end it.
func runOutbox(t *testing.T, o *outbox) (sent func() []sentPacket, end func()) {
	began := time.Now()
	var mu sync.Mutex
	var list []sentPacket
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		o.run(ctx, func(k wire.Kind, b []byte) {
			p, _ := wire.Parse(b)
			if p.Kind != k {
				t.Errorf("a packet of kind %s sent as %s", p.Kind, k)
			}
			mu.Lock()
			defer mu.Unlock()
			list = append(list, sentPacket{time.Since(began), p.Kind, p.Records()})
		})
	}()
	return func() []sentPacket {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return list
		}, func() {
			cancel()
			<-done
		}
}

func expectSent(t *testing.T, got []sentPacket, want ...sentPacket) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("sent %v, want %v", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("packet %d is %v, want %v", i, got[i], want[i])
		}
	}
}

func TestOutboxSendsAtMaxDelayOfTheOldestRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutbox(wire.ID{1}, maxPacket, time.Second)
		sent, end := runOutbox(t, o)
		defer end()
		time.Sleep(10 * time.Second)
		o.add(syncRecord("192.0.2.1", 1))
		time.Sleep(600 * time.Millisecond)
		o.add(syncRecord("192.0.2.1", 2))
		o.add(syncRecord("2001:db8::1", 3))
		time.Sleep(10 * time.Second)
		expectSent(t, sent(), sentPacket{11 * time.Second, wire.KindLive, 2}, sentPacket{11600 * time.Millisecond, wire.KindLive6, 1})
	})
}

func TestOutboxSendsFullPacketsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutbox(wire.ID{1}, maxPacket, time.Second)
		sent, end := runOutbox(t, o)
		defer end()
		for range 52 + 1 {
			o.add(syncRecord("192.0.2.1", 1))
		}
		for range 36 {
			o.add(syncRecord("2001:db8::1", 1))
		}
		expectSent(t, sent(), sentPacket{0, wire.KindLive, 52}, sentPacket{0, wire.KindLive6, 36})
		time.Sleep(time.Second)
		expectSent(t, sent()[2:], sentPacket{time.Second, wire.KindLive, 1})
	})
}

func TestOutboxSendsWhatIsLeftAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutbox(wire.ID{1}, wire.HeaderSize+2*wire.Live6Size, time.Hour)
		sent, end := runOutbox(t, o)
		o.add(syncRecord("192.0.2.1", 1))
		o.add(syncRecord("2001:db8::1", 1))
		end()
		expectSent(t, sent(), sentPacket{0, wire.KindLive, 1}, sentPacket{0, wire.KindLive6, 1})
	})
}

func TestOutboxDropsAndCountsWhenNothingIsSent(t *testing.T) {
	o := newOutbox(wire.ID{1}, maxPacket, time.Second)
	for range 52 * (outboxQueue + 3) {
		o.add(syncRecord("192.0.2.1", 1))
	}
	if got := o.lost(); got != 3*52 {
		t.Errorf("lost %d records, want %d", got, 3*52)
	}
	sent := 0
	o.flush(func(_ wire.Kind, b []byte) {
		p, _ := wire.Parse(b)
		sent += p.Records()
	})
	if sent != 52*outboxQueue {
		t.Errorf("sent %d records, want %d", sent, 52*outboxQueue)
	}
}

// TestFlushOfAFullQueueLosesNothing, nor changes the order: the queue goes first, and
// makes room for what is open.
func TestFlushOfAFullQueueLosesNothing(t *testing.T) {
	o := newOutbox(wire.ID{1}, maxPacket, time.Second)
	const records = 52*outboxQueue + 3
	for i := range records {
		o.add(syncRecord("192.0.2.1", uint16(1+i)))
	}
	sent := 0
	o.flush(func(_ wire.Kind, b []byte) {
		p, _ := wire.Parse(b)
		for i := range p.Records() {
			var r tracker.SyncRecord
			p.Sync(i, &r)
			if sent++; r.Peer.Port() != uint16(sent) {
				t.Fatalf("record %d has port %d", sent, r.Peer.Port())
			}
		}
	})
	if sent != records || o.lost() != 0 {
		t.Errorf("%d of %d records sent, %d lost", sent, records, o.lost())
	}
}

func TestPublishDoesNotAllocate(t *testing.T) {
	o := newOutbox(wire.ID{1}, maxPacket, time.Second)
	r4, r6 := syncRecord("192.0.2.1", 1), syncRecord("2001:db8::1", 1)
	allocs := testing.AllocsPerRun(1000, func() {
		o.add(r4)
		o.add(r6)
		if len(o.ready) > 0 {
			o.send(<-o.ready, func(wire.Kind, []byte) {})
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func BenchmarkPublish(b *testing.B) {
	o := newOutbox(wire.ID{1}, maxPacket, time.Second)
	r := syncRecord("192.0.2.1", 1)
	b.ReportAllocs()
	for b.Loop() {
		o.add(r)
		if len(o.ready) > 0 {
			o.send(<-o.ready, func(wire.Kind, []byte) {})
		}
	}
}
