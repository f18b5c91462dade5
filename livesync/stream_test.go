package livesync

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"keeptrack/livesync/wire"
	"keeptrack/tracker"
)

// fill fills the queue of a stream as its goroutine does.
func fill(s *stream, now time.Time) {
	for s.copyAhead() {
		s.ripen(now)
	}
}

// drain takes everything from a stream as its goroutine would. It returns the
// records told and the times at which packets went.
func drain(t testing.TB, s *stream) (told []wire.TellRecord, sent []time.Time) {
	t.Helper()
	header := wire.AppendHeader(nil, wire.ID{1}, wire.KindTell)
	for {
		fill(s, time.Now())
		b, wait, over := s.next(slices.Clone(header), time.Now())
		if over {
			return told, sent
		}
		if b == nil {
			time.Sleep(time.Until(wait))
			continue
		}
		p, err := wire.Parse(b)
		if err != nil || p.Kind != wire.KindTell || len(b) > maxPacket {
			t.Fatalf("%x: %v", b, err)
		}
		for i := range p.Records() {
			told = append(told, p.Tell(i))
		}
		sent = append(sent, time.Now())
	}
}

func TestStreamTellsEveryTorrentOnceInOrderAtThePace(t *testing.T) {
	for _, n := range []int{0, 1, 45, 46, 30_000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				offMinute()
				i := newQuiet(t)
				want := testRecords(n)
				for _, r := range want {
					i.tracker.Load(i.tracker.Instant(time.Now()), r)
				}
				began := time.Now()
				told, sent := drain(t, newStream(i.tracker, lanLimits.ReorderWindow, maxPacket, 1000, began))
				got := make(map[tracker.InfoHash]tracker.Record)
				descents := 0
				for k, r := range told {
					got[r.InfoHash] = tracker.Record{InfoHash: r.InfoHash, LastAnnounce: uint32(minuteOf(began)) - r.Age, Downloaded: r.Downloaded}
					if k > 0 && bytes.Compare(r.InfoHash[:], told[k-1].InfoHash[:]) < 0 {
						descents++
					}
				}
				if descents >= tracker.ShardCount {
					t.Errorf("%d ascending runs in %d shards", descents+1, tracker.ShardCount)
				}
				if len(told) != n || !maps.Equal(got, byHash(want)) {
					t.Errorf("%d records told, %d different ones", len(told), len(got))
				}
				if want := (n + 44) / 45; len(sent) != want {
					t.Errorf("%d packets, want %d", len(sent), want)
				}
				for k := range sent {
					if want := began.Add(lanLimits.ReorderWindow + time.Duration(k)*time.Millisecond); !sent[k].Equal(want) {
						t.Fatalf("packet %d went after %s, want %s", k, sent[k].Sub(began), want.Sub(began))
					}
				}
			})
		})
	}
}

func TestStreamTellsWhatIsOwed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newQuiet(t)
		all := testRecords(1000)
		o := &owed{limit: maxOwed}
		want := make(map[tracker.InfoHash]bool)
		for k, r := range all {
			i.tracker.Load(i.tracker.Instant(time.Now()), r)
			if k%7 == 0 {
				o.compare(r.InfoHash, r.Downloaded, r.Downloaded-1)
				want[r.InfoHash] = true
			}
		}
		o.compare(tracker.InfoHash{1, 2, 3}, 2, 1) // is gone by now
		s := newStream(i.tracker, lanLimits.ReorderWindow, maxPacket, 1000, time.Now())
		s.owed = o
		told, _ := drain(t, s)
		for _, r := range told {
			if !want[r.InfoHash] {
				t.Errorf("%s was not owed, or told before", r.InfoHash)
			}
			delete(want, r.InfoHash)
		}
		if len(want) > 0 || o.any() {
			t.Errorf("%d torrents were not told; still owing: %v", len(want), o.any())
		}
	})
}

func TestTellRecordCountsMinutesFromSending(t *testing.T) {
	now := time.Unix(1_700_000_000, 0) // 20 s into a minute
	minute := uint32(minuteOf(now))
	for name, tt := range map[string]struct {
		last uint32
		want uint32
	}{
		"this minute":        {minute, 0},
		"seven minutes ago":  {minute - 7, 7},
		"never":              {0, minute},
		"clock was set back": {minute + 9, 0},
		"far in the future":  {1<<32 - 1, 0},
	} {
		if got := tellRecord(&tracker.Record{LastAnnounce: tt.last}, now).Age; got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
}

func TestPacer(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	p := newPacer(1000)
	p.hold(start)
	took := func(at time.Duration) (n int) {
		for p.ready(start.Add(at)) {
			p.spend(start.Add(at))
			n++
		}
		return n
	}
	for _, step := range []struct {
		at   time.Duration
		want int
	}{
		{-time.Millisecond, 0},
		{0, 1},
		{999 * time.Microsecond, 0},
		{time.Millisecond, 1},
		{3500 * time.Microsecond, 2}, // a late wake-up is made up for
		{4 * time.Millisecond, 1},    // and does not shift the rest
		{10 * time.Second, 1 + 50},   // but a long stop is not
		{10*time.Second + time.Millisecond, 1},
	} {
		if got := took(step.at); got != step.want {
			t.Errorf("at %s: %d packets, want %d", step.at, got, step.want)
		}
	}
	p.hold(start.Add(20 * time.Second))
	if got := took(20 * time.Second); got != 1 {
		t.Errorf("after a hold: %d packets, want 1", got)
	}
}

func BenchmarkTellStream(b *testing.B) {
	i := newQuiet(b)
	for _, r := range testRecords(1_000_000) {
		i.tracker.Load(i.tracker.Instant(time.Now()), r)
	}
	buf := make([]byte, 0, maxPacket)
	records := 0
	b.ReportAllocs()
	for b.Loop() {
		now := time.Now()
		s := newStream(i.tracker, lanLimits.ReorderWindow, maxPacket, 1000, now)
		for over := false; !over; now = now.Add(time.Second) {
			fill(s, now)
			_, _, over = s.next(wire.AppendHeader(buf, wire.ID{1}, wire.KindTell), now)
		}
		records += int(s.told)
	}
	b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "records/s")
}

func BenchmarkReceiveTell(b *testing.B) {
	i := newQuiet(b)
	var packets [][]byte
	for part := range slices.Chunk(testRecords(100_000), 45) {
		p := wire.AppendHeader(nil, wire.ID{1}, wire.KindTell)
		for _, r := range part {
			p = wire.AppendTell(p, wire.TellRecord{InfoHash: r.InfoHash, Age: 1, Downloaded: r.Downloaded})
		}
		packets = append(packets, p)
		i.receive(p, node, time.Now())
	}
	now := time.Now()
	k := 0
	b.ReportAllocs()
	for b.Loop() {
		i.receive(packets[k%len(packets)], node, now)
		k++
	}
	b.ReportMetric(float64(k*45)/b.Elapsed().Seconds(), "records/s")
}
