package multicast

import (
	"encoding/binary"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// linkMessage is a netlink message of a type about the interface with an index,
// as rtnetlink(7) describes it.
func linkMessage(kind uint16, family byte, index uint32) []byte {
	const size = unix.SizeofNlMsghdr + unix.SizeofIfInfomsg
	b := make([]byte, size)
	binary.NativeEndian.PutUint32(b, size)
	binary.NativeEndian.PutUint16(b[4:], kind)
	b[16] = family
	binary.NativeEndian.PutUint32(b[20:], index)
	return b
}

func TestRemovedLinks(t *testing.T) {
	removed, left, made := linkMessage(unix.RTM_DELLINK, unix.AF_UNSPEC, 7), linkMessage(unix.RTM_DELLINK, unix.AF_BRIDGE, 8),
		linkMessage(unix.RTM_NEWLINK, unix.AF_UNSPEC, 9)
	for name, tt := range map[string]struct {
		datagram []byte
		want     []int
		ok       bool
	}{
		"removed":                {removed, []int{7}, true},
		"left a bridge":          {left, nil, true},
		"made":                   {made, nil, true},
		"all, and another":       {slices.Concat(made, left, removed, linkMessage(unix.RTM_DELLINK, unix.AF_UNSPEC, 10)), []int{7, 10}, true},
		"too short for an index": {append([]byte{20, 0, 0, 0, unix.RTM_DELLINK, 0}, make([]byte, 14)...), nil, true},
		"cut in its header":      {removed[:10], nil, false},
		"longer than it is":      {removed[:len(removed)-1], nil, false},
		"nothing":                {nil, nil, false},
	} {
		if got, ok := removedLinks(tt.datagram); !slices.Equal(got, tt.want) || ok != tt.ok {
			t.Errorf("%s: %v, %t", name, got, ok)
		}
	}
}

func TestLostMessagesMayHaveBeenOfAnyInterface(t *testing.T) {
	l := &links{changed: make(chan struct{}, 1), removed: make(map[int]bool)}
	l.note(linkMessage(unix.RTM_DELLINK, unix.AF_UNSPEC, 7))
	l.note(linkMessage(unix.RTM_NEWLINK, unix.AF_UNSPEC, 7))
	for _, want := range []bool{true, false} {
		if got := l.take(7); got != want {
			t.Errorf("removed: %t, want %t", got, want)
		}
	}
	l.note(linkMessage(unix.RTM_DELLINK, unix.AF_UNSPEC, 7))
	if l.take(8) {
		t.Error("another interface was removed")
	}
	l.note(nil)
	if !l.take(8) || l.take(8) || len(l.changed) != 1 {
		t.Error("lost messages are not taken for a change")
	}
}

// FuzzRemovedLinks checks that no datagram is misread: an index is one of its
// bytes, and there are no more than messages.
func FuzzRemovedLinks(f *testing.F) {
	f.Add(linkMessage(unix.RTM_DELLINK, unix.AF_UNSPEC, 7))
	f.Add(append(linkMessage(unix.RTM_NEWLINK, unix.AF_UNSPEC, 1), linkMessage(unix.RTM_DELLINK, unix.AF_BRIDGE, 7)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		indexes, ok := removedLinks(b)
		if !ok && len(indexes) > 0 {
			t.Fatalf("%v of a datagram that cannot be read", indexes)
		}
		if len(indexes) > len(b)/(unix.SizeofNlMsghdr+unix.SizeofIfInfomsg) {
			t.Fatalf("%d of %d bytes", len(indexes), len(b))
		}
	})
}
