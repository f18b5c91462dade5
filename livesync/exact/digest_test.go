package exact

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"keeptrack/tracker"
)

// TestDigestsAreThoseOfTheParts compares digests, while they are few and many, with
// those worked out anew.
func TestDigestsAreThoseOfTheParts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	o := Origin{1}
	var d digests
	values := make(map[tracker.InfoHash]uint64)
	for n := range 3 * sparse {
		var h tracker.InfoHash
		binary.BigEndian.PutUint64(h[:], r.Uint64())
		values[h] = 1 + r.Uint64N(5)
		d.change(leaf(&h), digestOf(o, &h, values[h]))
		if n == sparse/2 || n == 3*sparse-1 {
			checkDigests(t, &d, o, values)
		}
	}
	if d.many == nil {
		t.Error("not an array")
	}
	for h, v := range values {
		d.change(leaf(&h), digestOf(o, &h, v))
	}
	checkDigests(t, &d, o, nil)
}

func checkDigests(t *testing.T, d *digests, o Origin, values map[tracker.InfoHash]uint64) {
	t.Helper()
	for _, n := range []Node{{}, {1, 0xa}, {2, 0x3f}, {3, 0x123}} {
		var want [nodeChildren]uint64
		var root uint64
		for h, v := range values {
			x := digestOf(o, &h, v)
			root ^= x
			if uint64(leaf(&h))>>(16-4*n.Depth) == uint64(n.Prefix) {
				want[leaf(&h)>>(12-4*n.Depth)&15] ^= x
			}
		}
		if got := d.children(n); got != want || d.root != root {
			t.Errorf("%d parts, node %v: %x, root %x; want %x, %x", len(values), n, got, d.root, want, root)
		}
	}
}

func TestDigestsTellApart(t *testing.T) {
	h, g := tracker.InfoHash{0, 1}, tracker.InfoHash{0, 1, 19: 1}
	seen := map[uint64]bool{0: true}
	for _, x := range []uint64{
		digestOf(Nobody, &h, 1), digestOf(Nobody, &h, 2), digestOf(Nobody, &g, 1), digestOf(Origin{1}, &h, 1),
		rootOf(Nobody, 0), rootOf(Nobody, 1), rootOf(Origin{1}, 0),
	} {
		if seen[x] {
			t.Errorf("%x twice", x)
		}
		seen[x] = true
	}
	if digestOf(Origin{1}, &h, 0) != 0 {
		t.Error("a part of 0 adds something")
	}
}

func TestNodes(t *testing.T) {
	for n, want := range map[Node]bool{
		{}: true, {0, 1}: false, {1, 0xf}: true, {1, 0x10}: false, {3, 0xfff}: true, {3, 0x1000}: false, {4, 0}: false, {255, 0}: false,
	} {
		if n.valid() != want {
			t.Errorf("%v: %v", n, !want)
		}
	}
}

func BenchmarkLedgerChanged(b *testing.B) {
	l := NewLedger(50, 1000, time.Now)
	var h tracker.InfoHash
	for i := range b.N {
		binary.BigEndian.PutUint32(h[:], uint32(i)*2654435761)
		l.Changed(Nobody, &h, 0, 1)
	}
}
