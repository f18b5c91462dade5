package exact

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"
	"time"

	"keeptrack/cmd/testenv"
	"keeptrack/tracker"
)

// pair is two members of a group that hear each other at once, with what they send.
type pair struct {
	now     time.Time
	tables  [2]*memory
	groups  [2]*Group
	bytes   int
	hellos  int // bytes of them
	packets []packetFor
}

type packetFor struct {
	to, size int
	from     Origin
	m        Message
}

func newPair(counts map[tracker.InfoHash]*counts) *pair {
	p := &pair{now: time.Unix(1e9, 0)}
	for i := range 2 {
		l := NewLedger(SizesFor(1420).Records, 1<<16, func() time.Time { return p.now })
		p.tables[i] = newMemory(l, 24*time.Hour, 23*time.Hour, counts)
		p.groups[i] = NewGroup(Options{
			Interval: interval, MaxDelay: time.Second, Retry: time.Second, Transit: time.Second, Reorder: func() time.Duration { return 100 * time.Millisecond },
			Rotate: 8 * time.Hour, RotateHeld: 12 * time.Hour, Unsettled: 12 * interval, Away: 720 * time.Hour, Alone: 24 * time.Hour,
			Sizes:     SizesFor(1420),
			NewOrigin: func() Origin { return Origin{byte(i + 1)} },
			Keep:      func(State) {},
			Send: func(to Origin, m Message) {
				_, b := Append(nil, p.groups[i].ledger.Own(), to, m)
				p.packets = append(p.packets, packetFor{1 - i, len(b) + 8 + 44, p.groups[i].ledger.Own(), m}) // with id, type and seal
			},
		}, p.tables[i], l, State{}, false, p.now)
	}
	return p
}

// run lets time pass.
func (p *pair) run(d time.Duration) {
	for end := p.now.Add(d); ; {
		for len(p.packets) > 0 {
			x := p.packets[0]
			p.packets = p.packets[1:]
			if _, ok := x.m.(*Hello); ok {
				p.hellos += x.size
			} else {
				p.bytes += x.size
			}
			p.groups[x.to].Hear(x.from, x.m, p.now)
		}
		next := later(p.now, p.groups[0].Next(p.now))
		if n := later(p.now, p.groups[1].Next(p.now)); n.Before(next) {
			next = n
		}
		if next.After(end) {
			p.now = end
			return
		}
		p.now = next
		p.groups[0].Tick(p.now)
		p.groups[1].Tick(p.now)
	}
}

// TestOneLostCompletionIsCheap measures what it takes to find and mend one of many.
func TestOneLostCompletionIsCheap(t *testing.T) {
	for _, torrents := range testenv.Pick([]int{50_000}, []int{1_000_000, 10_000_000}) {
		t.Run(fmt.Sprint(torrents), func(t *testing.T) { oneLostCompletion(t, torrents) })
	}
}

func oneLostCompletion(t *testing.T, torrents int) {
	of := make(map[tracker.InfoHash]*counts, torrents)
	var lost tracker.InfoHash
	for i := range torrents {
		var h tracker.InfoHash
		binary.BigEndian.PutUint64(h[:], mix(uint64(i)))
		of[h] = &counts{nobody: 1 + uint64(i)%7, last: time.Unix(1e9, 0)}
		lost = h
	}
	p := newPair(of)
	p.run(4 * interval)
	p.bytes, p.hellos = 0, 0
	p.run(10 * interval)
	if p.bytes != 0 || p.hellos > 2*10*2048 {
		t.Errorf("idle: %d bytes, and hellos of %d", p.bytes, p.hellos)
	}
	t.Logf("idle: hellos of %d bytes", p.hellos/20)
	p.tables[0].set(lost, Nobody, of[lost].nobody+1)
	p.run(3 * interval)
	if p.bytes > 64<<10 || p.tables[1].total(lost) != of[lost].nobody+1 {
		t.Errorf("mended with %d bytes, %d", p.bytes, p.tables[1].total(lost))
	}
	t.Logf("one lost completion is found and mended with %d bytes", p.bytes)
}

// TestMemoryOfDigests measures the digests of one origin.
func TestMemoryOfDigests(t *testing.T) {
	for _, parts := range []int{100, 8000, 1_000_000} {
		before := heapSize()
		l := NewLedger(40, 1000, time.Now)
		for i := range parts {
			var h tracker.InfoHash
			binary.BigEndian.PutUint64(h[:], mix(uint64(i)))
			l.Changed(originA, &h, 0, 1)
		}
		took := heapSize() - before
		if took > 1<<20 {
			t.Errorf("%d parts: %d bytes", parts, took)
		}
		t.Logf("%d parts: digests of %d KiB", parts, took>>10)
		runtime.KeepAlive(l)
	}
}

func heapSize() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
