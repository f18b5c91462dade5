package livesync

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"keeptrack/cmd/testenv"
	"keeptrack/livesync/wire"
	"keeptrack/livesync/wire/wiretest"
)

// sealAt seals a packet as at a time.
func sealAt(k *wire.Keys, packet []byte, at time.Time) []byte {
	return sealNumber(k, packet, stamp(at))
}

// sealNumber seals a packet with a sequence, and the same random bytes always.
func sealNumber(k *wire.Keys, packet []byte, sequence uint64) []byte {
	nonce := [wire.NonceSize]byte{23: 1}
	for i := range 8 {
		nonce[i] = byte(sequence >> (56 - 8*i))
	}
	return k.Seal(nil, packet, &nonce)
}

// TestAForgedPacketCostsNoMemory sends some before anything has been opened.
func TestAForgedPacketCostsNoMemory(t *testing.T) {
	i, now := newSealed(t, keysOf(t, 1, 2)), time.Now()
	forged := sealAt(foreignKeys, livePacket(0)[:maxPacket-wire.SealOverhead], now)
	if allocs := testing.AllocsPerRun(100, func() { i.receive(forged, node, now) }); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
	if got := i.Stats().Drops[DropSealedBad]; got != 101 {
		t.Errorf("%d refused", got)
	}
}

func TestNoForgedPacketIsAccepted(t *testing.T) {
	packets := testenv.Pick(250_000, 1_000_000)
	i, now := newSealed(t, keysOf(t, 1, 2)), time.Now()
	rng := rand.New(rand.NewPCG(1, 1))
	var genuine [][]byte
	for k := range 64 {
		p := sealAt(keysOf(t, byte(1+k%2)), livePacket(k)[:wire.HeaderSize+2*wire.LiveSize], now.Add(time.Duration(k)))
		genuine = append(genuine, p)
		i.receive(p, node, now)
	}
	torrents, stats := i.tracker.Torrents(), i.tracker.Stats()
	if torrents == 0 || i.Stats().In[wire.KindLive].Packets != 64 {
		t.Fatal("the genuine packets were not taken")
	}
	floors := i.ReplayFloors()[wire.ID{1}]
	for range packets {
		i.receive(forge(rng, genuine), node, now)
	}
	if got := i.tracker.Torrents(); got != torrents {
		t.Errorf("%d torrents, want %d", got, torrents)
	}
	if got := i.tracker.Stats(); got != stats {
		t.Errorf("tracker at %+v, want %+v", got, stats)
	}
	if got := i.Stats(); got.In[wire.KindLive].Packets != 64 || i.ReplayFloors()[wire.ID{1}] != floors {
		t.Errorf("accepted %d packets", got.In[wire.KindLive].Packets-64)
	} else {
		t.Logf("drops: %v", got.Drops)
	}
}

// forge returns what somebody without the key can send who has heard the
// genuine packets.
func forge(rng *rand.Rand, genuine [][]byte) []byte {
	p := bytes.Clone(genuine[rng.IntN(len(genuine))])
	switch rng.IntN(6) {
	case 0: // replayed
	case 1: // cut
		p = p[:rng.IntN(len(p))]
	case 2: // a bit changed
		p[rng.IntN(len(p))] ^= 1 << rng.IntN(8)
	case 3: // another's end
		q := genuine[rng.IntN(len(genuine))]
		if at := 4 + rng.IntN(len(p)-4); !bytes.Equal(p[:at], q[:at]) && !bytes.Equal(p[at:], q[at:]) {
			copy(p[at:], q[at:])
		}
	case 4: // sealed with another key
		p = sealNumber(foreignKeys, livePacket(rng.IntN(100)), rng.Uint64())
	case 5: // made up, or not sealed
		p = livePacket(rng.IntN(100))
		for j := range p[wire.HeaderSize:] {
			p[wire.HeaderSize+j] = byte(rng.Uint32())
		}
		p[6] = byte(rng.IntN(2))
	}
	return p
}

// FuzzReceiveSealed checks that a node with keys takes nothing that is not
// sealed with one of them, wherever it comes from and whatever it says.
func FuzzReceiveSealed(f *testing.F) {
	for _, g := range wiretest.Goldens(f) {
		f.Add(g.Packet, false)
		f.Add(g.Packet, true)
	}
	i, others := newSealed(f, keysOf(f, 1)), keysOf(f, 3)
	f.Fuzz(func(t *testing.T, b []byte, seal bool) {
		now := time.Now()
		if len(b) >= wire.HeaderSize && seal {
			b = sealAt(others, b, now)
		}
		i.receive(b, node, now)
		if got := i.Stats().In; got != (Traffics{}) || i.tracker.Torrents() > 0 || len(i.sealing.replays.floors()) > 0 {
			t.Fatalf("%x was taken", b)
		}
	})
}

// keysOf returns keys made of the bytes given.
func keysOf(t testing.TB, bytes ...byte) *wire.Keys {
	t.Helper()
	k, err := wire.ParseKeys(strings.NewReader(wiretest.KeyFile(bytes...)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// newSealed returns a node with keys that nobody runs, with its tracker.
func newSealed(t testing.TB, k *wire.Keys) *instance {
	t.Helper()
	i := newQuiet(t)
	i.sealing = newSealing(&Options{Keys: k}, maxPacket)
	return i
}

var foreignKeys = func() *wire.Keys {
	k, err := wire.ParseKeys(bytes.NewReader([]byte(wiretest.HexKey(9))))
	if err != nil {
		panic(err)
	}
	return k
}()

func BenchmarkReceiveSealed(b *testing.B) {
	i, k := newSealed(b, keysOf(b, 1, 2)), keysOf(b, 2)
	now := time.Now()
	packet := livePacket(0)[:maxPacket-wire.SealOverhead]
	var sealed []byte
	var nonce [wire.NonceSize]byte
	n := stamp(now)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		n++
		for j := range 8 {
			nonce[j] = byte(n >> (56 - 8*j))
		}
		sealed = k.Seal(sealed[:0], packet, &nonce)
		b.StartTimer()
		i.receive(sealed, node, now)
	}
	if i.Stats().In[wire.KindLive].Records != uint64(b.N)*uint64(wire.KindLive.Records(len(packet))) {
		b.Fatal("packets were dropped")
	}
}
