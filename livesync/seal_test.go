package livesync

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"testing"
	"time"
)

// sealAt seals a packet as at a time.
func sealAt(k *Keys, packet []byte, at time.Time) []byte {
	return sealNumber(k, packet, stamp(at))
}

// sealNumber seals a packet with a sequence, and the same random bytes always.
func sealNumber(k *Keys, packet []byte, sequence uint64) []byte {
	nonce := [nonceSize]byte{23: 1}
	for i := range 8 {
		nonce[i] = byte(sequence >> (56 - 8*i))
	}
	return k.seal(nil, packet, &nonce)
}

func TestGoldenSealedPacket(t *testing.T) {
	var text bytes.Buffer
	for i := range KeySize {
		text.WriteString(hex.EncodeToString([]byte{byte(i)}))
	}
	k, err := ParseKeys(&text)
	if err != nil {
		t.Fatal(err)
	}
	nonce := [nonceSize]byte{0x18, 0x7b, 0xcd, 0x8d, 0x4a, 0x5c, 0x00, 0x01}
	for i := 8; i < nonceSize; i++ {
		nonce[i] = byte(0xa0 + i)
	}
	packet := packetNamed(t, "live_one_seed")
	const want = "deadbeef00000100187bcd8d4a5c0001a8a9aaabacadaeafb0b1b2b3b4b5b6b7" +
		"38b752f0db425811e8832a22bc87a96290aeed134fad0fa9e94c9036fcc2384d6d986047e8e58b24ddec127d44e4f3fd"
	sealed := k.seal(nil, packet, &nonce)
	if got := hex.EncodeToString(sealed); got != want {
		t.Errorf("sealed\n%s\nwant\n%s", got, want)
	}
	opened, sequence, drop := k.Open(nil, sealed)
	if drop != DropNone || sequence != 0x187bcd8d4a5c0001 || !bytes.Equal(opened, packet) {
		t.Errorf("opened %x, sequence %x, %s", opened, sequence, drop)
	}
}

func TestASealedPacketIsLongerByTheOverhead(t *testing.T) {
	for _, g := range goldens(t) {
		if len(g.packet) < HeaderSize {
			continue
		}
		if got := len(sealNumber(keysOf(t, 1), g.packet, 1)); got != len(g.packet)+SealOverhead {
			t.Errorf("%s: %d bytes became %d", g.name, len(g.packet), got)
		}
	}
}

func TestNoByteOfASealedPacketCanBeChanged(t *testing.T) {
	k := keysOf(t, 1, 2)
	sealed := sealNumber(k, packetNamed(t, "tell_one"), 7)
	for i := range sealed {
		for bit := range 8 {
			forged := bytes.Clone(sealed)
			forged[i] ^= 1 << bit
			if _, _, drop := k.Open(nil, forged); drop != DropSealedBad {
				t.Fatalf("byte %d, bit %d changed: %s", i, bit, drop)
			}
		}
		if _, _, drop := k.Open(nil, sealed[:i]); drop == DropNone {
			t.Fatalf("the first %d bytes open", i)
		}
	}
	if _, _, drop := k.Open(nil, append(sealed, 0)); drop != DropSealedBad {
		t.Errorf("with a byte more: %s", drop)
	}
}

func TestKeysOpenWhatAnyOfThemSealed(t *testing.T) {
	packet := packetNamed(t, "beacon")
	before, during, after := keysOf(t, 1), keysOf(t, 1, 2), keysOf(t, 2)
	for name, tt := range map[string]struct {
		sealer, opener *Keys
		want           Drop
	}{
		"old by both":                   {before, during, DropNone},
		"new by both":                   {after, during, DropNone},
		"the first of both seals":       {during, before, DropNone},
		"the second of both only opens": {during, after, DropSealedBad},
		"another":                       {before, after, DropSealedBad},
	} {
		if _, _, drop := tt.opener.Open(nil, sealNumber(tt.sealer, packet, 1)); drop != tt.want {
			t.Errorf("%s: %s, want %s", name, drop, tt.want)
		}
	}
}

func TestSealingDoesNotAllocate(t *testing.T) {
	k := keysOf(t, 1, 2)
	packet := livePacket(0)[:MaxPayload-SealOverhead]
	sealed, opened := make([]byte, 0, MaxPayload), make([]byte, 0, MaxPayload)
	var nonce [nonceSize]byte
	allocs := testing.AllocsPerRun(100, func() {
		sealed = k.seal(sealed[:0], packet, &nonce)
		if _, _, drop := k.Open(opened[:0], sealed); drop != DropNone {
			t.Fatal(drop)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// TestAForgedPacketCostsNoMemory sends some before anything has been opened.
func TestAForgedPacketCostsNoMemory(t *testing.T) {
	i, now := newSealed(t, keysOf(t, 1, 2)), time.Now()
	forged := sealAt(foreignKeys, livePacket(0)[:MaxPayload-SealOverhead], now)
	if allocs := testing.AllocsPerRun(100, func() { i.receive(forged, node, now) }); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
	if got := i.Stats().Drops[DropSealedBad]; got != 101 {
		t.Errorf("%d refused", got)
	}
}

// attackPackets is the number of packets of TestNoForgedPacketIsAccepted.
const attackPackets = 500 * defaultRuns

func TestNoForgedPacketIsAccepted(t *testing.T) {
	i, now := newSealed(t, keysOf(t, 1, 2)), time.Now()
	rng := rand.New(rand.NewPCG(1, 1))
	var genuine [][]byte
	for k := range 64 {
		p := sealAt(keysOf(t, byte(1+k%2)), livePacket(k)[:HeaderSize+2*LiveSize], now.Add(time.Duration(k)))
		genuine = append(genuine, p)
		i.receive(p, node, now)
	}
	torrents, stats := i.tracker.Torrents(), i.tracker.Stats()
	if torrents == 0 || i.Stats().In[KindLive].Packets != 64 {
		t.Fatal("the genuine packets were not taken")
	}
	marks := i.Marks()[ID{1}]
	for range attackPackets {
		i.receive(forge(rng, genuine), node, now)
	}
	if got := i.tracker.Torrents(); got != torrents {
		t.Errorf("%d torrents, want %d", got, torrents)
	}
	if got := i.tracker.Stats(); got != stats {
		t.Errorf("tracker at %+v, want %+v", got, stats)
	}
	if got := i.Stats(); got.In[KindLive].Packets != 64 || i.Marks()[ID{1}] != marks {
		t.Errorf("accepted %d packets", got.In[KindLive].Packets-64)
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
		for j := range p[HeaderSize:] {
			p[HeaderSize+j] = byte(rng.Uint32())
		}
		p[6] = byte(rng.IntN(2))
	}
	return p
}

// FuzzOpen checks that nothing opens but what the same key, nonce and packet
// make again.
func FuzzOpen(f *testing.F) {
	k := keysOf(f, 1, 2)
	for _, g := range goldens(f) {
		if len(g.packet) >= HeaderSize {
			f.Add(sealNumber(k, g.packet, 1))
			f.Add(sealNumber(keysOf(f, 2), g.packet, 1))
			f.Add(sealNumber(keysOf(f, 3), g.packet, 1))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		packet, sequence, drop := k.Open(nil, b)
		if drop != DropNone {
			if packet != nil || sequence != 0 {
				t.Fatalf("dropped with %x, sequence %d", packet, sequence)
			}
			return
		}
		for _, key := range []*Keys{k, keysOf(t, 2)} {
			if bytes.Equal(key.seal(nil, packet, (*[nonceSize]byte)(b[HeaderSize:])), b) {
				return
			}
		}
		t.Fatalf("%x opens, although no key made it", b)
	})
}

// FuzzReceiveSealed checks that a node with keys takes nothing that is not
// sealed with one of them, wherever it comes from and whatever it says.
func FuzzReceiveSealed(f *testing.F) {
	for _, g := range goldens(f) {
		f.Add(g.packet, false)
		f.Add(g.packet, true)
	}
	i, others := newSealed(f, keysOf(f, 1)), keysOf(f, 3)
	f.Fuzz(func(t *testing.T, b []byte, seal bool) {
		now := time.Now()
		if len(b) >= HeaderSize && seal {
			b = sealAt(others, b, now)
		}
		i.receive(b, node, now)
		if got := i.Stats().In; got != (Traffics{}) || i.tracker.Torrents() > 0 || len(i.sealing.replays.marks()) > 0 {
			t.Fatalf("%x was taken", b)
		}
	})
}

// newSealed returns a node with keys that nobody runs, with its tracker.
func newSealed(t testing.TB, k *Keys) *instance {
	t.Helper()
	i := newQuiet(t)
	i.sealing = newSealing(&Options{Keys: k})
	return i
}

var foreignKeys = func() *Keys {
	k, err := ParseKeys(bytes.NewReader([]byte(hexKey(9))))
	if err != nil {
		panic(err)
	}
	return k
}()

func BenchmarkReceiveSealed(b *testing.B) {
	i, k := newSealed(b, keysOf(b, 1, 2)), keysOf(b, 2)
	now := time.Now()
	packet := livePacket(0)[:MaxPayload-SealOverhead]
	var sealed []byte
	var nonce [nonceSize]byte
	n := stamp(now)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		n++
		for j := range 8 {
			nonce[j] = byte(n >> (56 - 8*j))
		}
		sealed = k.seal(sealed[:0], packet, &nonce)
		b.StartTimer()
		i.receive(sealed, node, now)
	}
	if i.Stats().In[KindLive].Records != uint64(b.N)*uint64(recordsIn(KindLive, len(packet))) {
		b.Fatal("packets were dropped")
	}
}
