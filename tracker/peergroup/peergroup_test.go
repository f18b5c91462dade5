package peergroup

import (
	"encoding/hex"
	"math"
	"slices"
	"testing"

	"keeptrack/tracker"
)

// peer returns the i-th of different peers of both families.
func peer(i int) tracker.Peer {
	if i%3 == 0 {
		return tracker.MakePeer6([16]byte{0x20, 1, 15: byte(i)}, uint16(i+1))
	}
	return tracker.MakePeer4([4]byte{10, 0, byte(i >> 8), byte(i)}, uint16(i+1))
}

func states(h byte, n int, age uint32) []tracker.PeerState {
	all := make([]tracker.PeerState, n)
	for i := range all {
		all[i] = tracker.PeerState{InfoHash: tracker.InfoHash{h}, Peer: peer(i), Age: age + uint32(i), Flags: tracker.PeerFlags(i % 8)}
	}
	return all
}

// parse returns the peers of b.
func parse(b []byte, add uint64) (all []tracker.PeerState, err error) {
	err = Parse(b, add, make([]tracker.PeerState, 0, 7), func(some []tracker.PeerState) { all = append(all, some...) })
	return all, err
}

func TestAGroupsBytes(t *testing.T) {
	h := tracker.InfoHash{0xaa}
	b := Append(nil, []tracker.PeerState{
		{InfoHash: h, Peer: tracker.MakePeer6([16]byte{0x20, 1, 15: 9}, 81), Age: 2700, Flags: tracker.PeerPaused | tracker.PeerCompleted},
		{InfoHash: h, Peer: tracker.MakePeer4([4]byte{192, 0, 2, 1}, 6881), Age: 3, Flags: tracker.PeerSeeds},
	})
	const want = "aa00000000000000000000000000000000000000" + "01" + "01" + "c00002011ae1" + "19" +
		"20010000000000000000000000000009" + "0051" + "e6a801"
	if got := hex.EncodeToString(b); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

func TestAgesAreAddedTo(t *testing.T) {
	for _, c := range []struct {
		age  uint32
		add  uint64
		want uint32
	}{{3, 0, 3}, {3, 4, 7}, {math.MaxUint32, 1, math.MaxUint32}} {
		got, err := parse(Append(nil, states(1, 1, c.age)), c.add)
		if err != nil || len(got) != 1 || got[0].Age != c.want {
			t.Errorf("%d and %d: %v, %v", c.age, c.add, got, err)
		}
	}
}

func TestTheLargestGroupOfOne(t *testing.T) {
	if got := len(Append(nil, states(1, 1, math.MaxUint32))); got != Largest {
		t.Errorf("%d bytes, want %d", got, Largest)
	}
}

func TestFitIsExact(t *testing.T) {
	for _, n := range []int{1, 2, 3, 127, 128, 200} {
		all := states(1, n, 10)
		for room := range len(Append(nil, all)) + 2 {
			k := Fit(all, room)
			if k > 0 && len(Append(nil, all[:k])) > room {
				t.Fatalf("%d peers take more than %d bytes", k, room)
			}
			if k < n && len(Append(nil, all[:k+1])) <= room {
				t.Fatalf("%d peers fit %d bytes, %d was returned", k+1, room, k)
			}
		}
	}
}

func TestMalformedGroups(t *testing.T) {
	b := Append(nil, states(1, 5, 1))
	for n := 1; n < len(b); n++ {
		if _, err := parse(b[:n], 0); err != ErrMalformed {
			t.Fatalf("%d of %d bytes: %v", n, len(b), err)
		}
	}
}

// FuzzParse: what can be read is written again with the same peers.
func FuzzParse(f *testing.F) {
	f.Add(Append(Append(nil, states(1, 9, 5)), states(2, 1, 7)))
	f.Add([]byte{0})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		peers, err := parse(b, 0)
		if err != nil {
			return
		}
		var text []byte
		for left := peers; len(left) > 0; {
			n := Run(left)
			before := len(text)
			text = Append(text, left[:n])
			if size := len(text) - before; size > Room(left[:n]) || Fit(left[:n], size) != n {
				t.Errorf("%d bytes for %d peers", size, n)
			}
			left = left[n:]
		}
		again, err := parse(text, 0)
		if err != nil {
			t.Fatal(err)
		}
		less := func(all []tracker.PeerState) {
			slices.SortStableFunc(all, func(a, b tracker.PeerState) int { return int(a.Peer.Family()) - int(b.Peer.Family()) })
		}
		less(peers)
		less(again)
		if !slices.Equal(peers, again) {
			t.Errorf("%v became %v", peers, again)
		}
	})
}
