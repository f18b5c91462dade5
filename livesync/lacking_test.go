package livesync

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"keeptrack/livesync/wire"
)

// TestLackingPackets sends stretches of packets of which some are lost, doubled or late, and
// answers what is asked for: in the end every packet has come once.
func TestLackingPackets(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		now := time.Unix(1e9, 0)
		var sent stretches
		var l lacking
		loss := []float64{0, 0.05, 0.3}[seed%3]
		var late [][]byte
		came := make(map[uint32]bool)
		take := func(packet []byte) {
			l.came(wire.LiveHash(packet))
			came[wire.LiveHash(packet)] = true
		}
		asks, packets := 0, uint32(0)
		answer := func() {
			for s := l.ask(now, time.Second); s != nil; s = l.ask(now, time.Second) {
				asks++
				k := sent.find(s.Stretch)
				if rng.Float64() < loss {
					continue
				}
				if s.missing == nil {
					half := len(k.hashes) / 2
					l.listed(s.Stretch, len(k.hashes), half, k.hashes[half:], now)
					l.listed(s.Stretch, len(k.hashes), 0, k.hashes[:half], now)
					continue
				}
				for _, m := range append([]uint16(nil), s.missing...) {
					p, _ := k.packet(int(m))
					came[wire.LiveHash(p)] = true
					l.again(s.Stretch, wire.AgainPart{Packet: m, Part: 1, Parts: 2})
					l.again(s.Stretch, wire.AgainPart{Packet: m, Part: 0, Parts: 2})
				}
			}
		}
		told := 0
		for range 40 {
			for range rng.IntN(50) {
				packet := binary.BigEndian.AppendUint32(nil, packets)
				packets++
				sent.add(packet, now)
				switch x := rng.Float64(); {
				case x < loss:
				case loss > 0 && x < loss+0.05:
					late = append(late, packet)
				default:
					take(packet)
					if loss > 0 && rng.Float64() < 0.05 {
						l.came(wire.LiveHash(packet))
					}
				}
			}
			if sum, ok := sent.close(now.Add(-time.Hour)); ok && sent.idle == 0 && (told == 0 || rng.Float64() >= loss) {
				l.told(sum, now, now.Add(100*time.Millisecond))
				if told == 0 { // what was before the first is not looked for
					for _, h := range sent.kept[len(sent.kept)-1].hashes {
						came[h] = true
					}
				}
				told++
			}
			for _, p := range late {
				take(p)
			}
			late = nil
			for range 12 {
				now = now.Add(time.Second)
				answer()
			}
		}
		sent.add([]byte("the last one"), now)
		take([]byte("the last one"))
		sum, _ := sent.close(now.Add(-time.Hour))
		l.told(sum, now, now)
		for range 20 {
			now = now.Add(time.Second)
			answer()
		}
		if uint32(len(came)) != packets+1 {
			t.Errorf("seed %d: %d of %d packets have come", seed, len(came), packets+1)
		}
		if loss == 0 && asks > 0 {
			t.Errorf("seed %d: asked %d times though nothing was lost", seed, asks)
		}
		if len(l.searches) > 0 || !l.next().IsZero() || len(l.before) > 0 || l.count > 0 {
			t.Errorf("seed %d: it still looks for something: %+v", seed, l)
		}
	}
}

// TestKeptStretches looks that what was sent is kept within its bounds.
func TestKeptStretches(t *testing.T) {
	var s stretches
	now := time.Unix(1e9, 0)
	if _, ok := s.close(now); ok {
		t.Error("an empty stretch is told")
	}
	packet := make([]byte, 1400)
	for i := range 3 {
		for range wire.MaxStretch + 5 {
			s.add(packet, now.Add(time.Duration(i)*time.Minute))
		}
		sum, ok := s.close(now)
		if !ok || sum.Packets != wire.MaxStretch || sum.Stretch != uint64(i+1) {
			t.Errorf("%+v", sum)
		}
	}
	if len(s.kept) != 1 || s.find(2) != nil || s.find(3) == nil {
		t.Errorf("%d are kept", len(s.kept))
	}
	if p, at := s.find(3).packet(7); len(p) != 1400 || !at.Equal(now.Add(2*time.Minute)) {
		t.Errorf("%d bytes, sent at %s", len(p), at)
	}
	if p, _ := s.find(3).packet(wire.MaxStretch); p != nil {
		t.Error("a packet that was not sent")
	}
	s.close(now.Add(time.Hour))
	if len(s.kept) != 0 || s.bytes != 0 {
		t.Errorf("%d are kept for an hour", len(s.kept))
	}
}

// TestHashesBeyondTheirBound has 256 instances tell of sums of which some are lost, and then
// one hash each of stretches that they claim to be as long as may be.
func TestHashesBeyondTheirBound(t *testing.T) {
	i := newQuiet(t)
	now := time.Now()
	names := make([]wire.ID, maxInstances)
	for k := range names {
		names[k] = wire.ID{1, byte(k)}
		for _, n := range []uint64{1, maxSearches + 1} {
			i.receive(wire.AppendLiveSum(nil, names[k], wire.LiveSum{Stretch: n, Packets: wire.MaxStretch, Sum: 1}), node, now)
		}
	}
	claimed := make([]uint32, wire.MaxStretch)
	room := wire.HeaderSize + 24 // of one hash
	for _, name := range names {
		for n := uint64(2); n <= maxSearches+1; n++ {
			p, _ := wire.AppendLiveHashes(nil, name, i.ID(), n, claimed, 0, room)
			i.receive(p, node, now)
		}
	}
	held, all := 0, 0
	for _, of := range i.lost.lacking {
		bytes := 0
		for _, s := range of.searches {
			bytes += cap(s.hashes)*4 + cap(s.told)
			all += s.held
		}
		if held += bytes; bytes != of.held {
			t.Errorf("%d bytes of an instance, noted %d", bytes, of.held)
		}
	}
	if held > maxSearchBytes || held < maxSearchBytes/2 || held != all {
		t.Errorf("%d bytes are held, noted %d, at most %d", held, all, maxSearchBytes)
	}
}

// TestHashesThatContradictTheSum: of a stretch whose number of packets was told, no other
// is taken.
func TestHashesThatContradictTheSum(t *testing.T) {
	l := lacking{}
	now := time.Unix(1e9, 0)
	l.told(wire.LiveSum{Stretch: 1, Packets: 1}, now, now)
	l.told(wire.LiveSum{Stretch: 3, Packets: 2, Sum: 5}, now, now)
	l.listed(3, wire.MaxStretch, 0, []uint32{2}, now)
	if l.held != 0 {
		t.Errorf("%d bytes are held", l.held)
	}
	l.listed(2, 3, 0, []uint32{2}, now) // its sum was lost
	l.listed(2, 4, 0, []uint32{2, 3, 4, 5}, now)
	if l.held != 3*hashBytes || l.find(2).missing != nil {
		t.Errorf("%d bytes are held", l.held)
	}
	l.listed(3, 2, 0, []uint32{2, 3}, now)
	l.listed(2, 3, 1, []uint32{3, 4}, now)
	if l.held != 5*missingBytes {
		t.Errorf("%d bytes are held for 5 packets", l.held)
	}
	for p := range uint16(3) {
		l.again(3, wire.AgainPart{Packet: p, Parts: 1})
		l.again(2, wire.AgainPart{Packet: p, Parts: 1})
	}
	if l.held != 0 || len(l.searches) > 0 {
		t.Errorf("%d bytes are held, %d searches", l.held, len(l.searches))
	}
}

// TestASenderThatStartsAgain tells under the same id, with higher numbers than before or,
// if its clock was set back, with lower ones: what it lost since is looked for, and nothing
// from before.
func TestASenderThatStartsAgain(t *testing.T) {
	for _, after := range []time.Duration{time.Second, 24 * time.Hour, -time.Hour} {
		now := time.Unix(1e9, 0)
		var l lacking
		sent := newStretches(now)
		publish := func(come bool, name string) {
			sent.add([]byte(name), now)
			if come {
				l.came(wire.LiveHash([]byte(name)))
			}
		}
		tell := func() {
			sum, _ := sent.close(now.Add(-time.Hour))
			l.told(sum, now, now)
		}
		publish(true, "a")
		tell()
		publish(false, "b")
		tell()
		if len(l.searches) != 1 {
			t.Fatalf("%d searches", len(l.searches))
		}
		publish(true, "c") // is not told any more
		now = now.Add(after)
		sent = newStretches(now)
		publish(true, "d")
		publish(false, "e")
		tell()
		if len(l.searches) != 1 || l.searches[0].Stretch != sent.last.Stretch {
			t.Fatalf("after %s: %d searches", after, len(l.searches))
		}
		l.listed(sent.last.Stretch, 2, 0, sent.kept[0].hashes, now)
		if s := l.find(sent.last.Stretch); s == nil || len(s.missing) != 1 || s.missing[0] != 1 {
			t.Errorf("after %s: %+v", after, s)
		}
		l.again(sent.last.Stretch, wire.AgainPart{Packet: 1, Parts: 1})
		publish(true, "f")
		tell()
		if len(l.searches) != 0 || l.last != sent.last.Stretch {
			t.Errorf("after %s: %d searches, last %d of %d", after, len(l.searches), l.last, sent.last.Stretch)
		}
	}
}

// TestASearchInVainIsBounded: a question that never gets through. What came is remembered
// for it within bounds, and in the end it is a gap.
func TestASearchInVainIsBounded(t *testing.T) {
	now := time.Unix(1e9, 0)
	var l lacking
	sent := newStretches(now)
	gaps := 0
	for n := range uint32(30 * maxHashes) {
		p := binary.BigEndian.AppendUint32(nil, n)
		if sent.add(p, now); n != 1000 {
			l.came(wire.LiveHash(p))
		}
		if n%500 > 0 {
			continue
		}
		now = now.Add(10 * time.Second)
		sum, _ := sent.close(now)
		l.told(sum, now, now)
		for l.ask(now, searchRetry) != nil {
		}
		if !l.gap.IsZero() {
			gaps++
			l.gap = time.Time{}
		}
		if len(l.before) > maxHashes {
			t.Fatalf("%d hashes are kept after %d packets", len(l.before), n)
		}
	}
	if gaps == 0 || len(l.searches) > 0 {
		t.Errorf("%d gaps, %d searches", gaps, len(l.searches))
	}
}

// TestWhatIsNotKeptIsAGap: the sender says that it keeps a stretch no more.
func TestWhatIsNotKeptIsAGap(t *testing.T) {
	now := time.Unix(1e9, 0)
	var l lacking
	l.told(wire.LiveSum{Stretch: 1, Packets: 1}, now, now)
	l.told(wire.LiveSum{Stretch: 2, Packets: 2, Sum: 5}, now, now)
	l.listed(2, 0, 0, nil, now.Add(time.Second))
	if len(l.searches) > 0 || !l.gap.Equal(now) {
		t.Errorf("%d searches, a gap at %s", len(l.searches), l.gap)
	}
}
