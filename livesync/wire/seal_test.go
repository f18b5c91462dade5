package wire

import (
	"bytes"
	"encoding/hex"
	"testing"

	"keeptrack/livesync/wire/wiretest"
)

// sealOnce seals a packet with a nonce that is always the same.
func sealOnce(k *Keys, packet []byte) []byte {
	return k.Seal(nil, packet, &[NonceSize]byte{7: 1})
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
	nonce := [NonceSize]byte{0x18, 0x7b, 0xcd, 0x8d, 0x4a, 0x5c, 0x00, 0x01}
	for i := 8; i < NonceSize; i++ {
		nonce[i] = byte(0xa0 + i)
	}
	packet := wiretest.Packet(t, "live_one_seed")
	const want = "deadbeef00000100187bcd8d4a5c0001a8a9aaabacadaeafb0b1b2b3b4b5b6b7" +
		"38b752f0db425811e8832a22bc87a96290aeed134fad0fa9e94c9036fcc2384d6d986047e8e58b24ddec127d44e4f3fd"
	sealed := k.Seal(nil, packet, &nonce)
	if got := hex.EncodeToString(sealed); got != want {
		t.Errorf("sealed\n%s\nwant\n%s", got, want)
	}
	opened, sequence, err := k.Open(nil, sealed)
	if err != nil || sequence != 0x187bcd8d4a5c0001 || !bytes.Equal(opened, packet) {
		t.Errorf("opened %x, sequence %x, %v", opened, sequence, err)
	}
}

func TestASealedPacketIsLongerByTheOverhead(t *testing.T) {
	for _, g := range wiretest.Goldens(t) {
		if len(g.Packet) < HeaderSize {
			continue
		}
		if got := len(sealOnce(keysOf(t, 1), g.Packet)); got != len(g.Packet)+SealOverhead {
			t.Errorf("%s: %d bytes became %d", g.Name, len(g.Packet), got)
		}
	}
}

func TestNoByteOfASealedPacketCanBeChanged(t *testing.T) {
	k := keysOf(t, 1, 2)
	sealed := sealOnce(k, wiretest.Packet(t, "tell_one"))
	for i := range sealed {
		for bit := range 8 {
			forged := bytes.Clone(sealed)
			forged[i] ^= 1 << bit
			if _, _, err := k.Open(nil, forged); err != ErrForged {
				t.Fatalf("byte %d, bit %d changed: %v", i, bit, err)
			}
		}
		if _, _, err := k.Open(nil, sealed[:i]); err == nil {
			t.Fatalf("the first %d bytes open", i)
		}
	}
	if _, _, err := k.Open(nil, append(sealed, 0)); err != ErrForged {
		t.Errorf("with a byte more: %v", err)
	}
}

func TestKeysOpenWhatAnyOfThemSealed(t *testing.T) {
	packet := wiretest.Packet(t, "beacon")
	before, during, after := keysOf(t, 1), keysOf(t, 1, 2), keysOf(t, 2)
	for name, tt := range map[string]struct {
		sealer, opener *Keys
		want           error
	}{
		"old by both":                   {before, during, nil},
		"new by both":                   {after, during, nil},
		"the first of both seals":       {during, before, nil},
		"the second of both only opens": {during, after, ErrForged},
		"another":                       {before, after, ErrForged},
	} {
		if _, _, err := tt.opener.Open(nil, sealOnce(tt.sealer, packet)); err != tt.want {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

func TestSealingDoesNotAllocate(t *testing.T) {
	k := keysOf(t, 1, 2)
	packet := make([]byte, fullFrame-SealOverhead)
	sealed, opened := make([]byte, 0, fullFrame), make([]byte, 0, fullFrame)
	var nonce [NonceSize]byte
	allocs := testing.AllocsPerRun(100, func() {
		sealed = k.Seal(sealed[:0], packet, &nonce)
		if _, _, err := k.Open(opened[:0], sealed); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// FuzzOpen checks that nothing opens but what the same key, nonce and packet
// make again.
func FuzzOpen(f *testing.F) {
	k := keysOf(f, 1, 2)
	for _, g := range wiretest.Goldens(f) {
		if len(g.Packet) >= HeaderSize {
			f.Add(sealOnce(k, g.Packet))
			f.Add(sealOnce(keysOf(f, 2), g.Packet))
			f.Add(sealOnce(keysOf(f, 3), g.Packet))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		packet, sequence, err := k.Open(nil, b)
		if err != nil {
			if packet != nil || sequence != 0 {
				t.Fatalf("errped with %x, sequence %d", packet, sequence)
			}
			return
		}
		for _, key := range []*Keys{k, keysOf(t, 2)} {
			if bytes.Equal(key.Seal(nil, packet, (*[NonceSize]byte)(b[HeaderSize:])), b) {
				return
			}
		}
		t.Fatalf("%x opens, although no key made it", b)
	})
}
