package exact

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"testing"
	"time"

	"keeptrack/tracker"
	"keeptrack/tracker/override"
)

var (
	originA = Origin{0xa0, 1, 2, 3, 4, 5, 6, 7}
	originB = Origin{0xb0, 1, 2, 3, 4, 5, 6, 7}
	hashC   = tracker.InfoHash{0xc0, 19: 0xc9}
)

// goldens are packets of each type, from originA, after the type.
var goldens = []struct {
	t    Type
	to   Origin
	m    Message
	want string
}{
	{TypeHello, Nobody, &Hello{
		Serial: 1, Number: 2, Oldest: 3, Own: 4, Ended: 5, Silent: 6, Nobody: 7, Folded: FoldedSum{8, 9},
		FoldedNames: []Origin{originA}, EndedNames: []Origin{originB}, Known: []Seen{{originB, 10 * time.Second}}, Members: 11, Label: override.Label{0xd0, 13, 14, 15},
	}, "a0010203040506070000000000000000" + "0000000000000001" + "0000000000000002" + "0000000000000003" + "0000000000000004" +
		"0000000000000005" + "0000000000000006" + "0000000000000007" + "00000008" + "0000000000000009" + "000b" + "d00d0e0f" + "010101" +
		"a001020304050607" + "b001020304050607" + "b001020304050607" + "0000000a"},
	{TypeParts, Nobody, &Parts{1, []Record{record(2, 3*time.Second, true), record(3, 0, false)}},
		"a0010203040506070000000000000000" + "0000000000000001" +
			"c0000000000000000000000000000000000000c9" + "0000000000000002" + "80000003" +
			"c0000000000000000000000000000000000000c9" + "0000000000000003" + "00000000"},
	{TypeAskParts, originB, &AskParts{[]uint64{1, 2}}, "a001020304050607b001020304050607" + "0000000000000001" + "0000000000000002"},
	{TypeAskNames, originB, &AskNames{true, originA}, "a001020304050607b001020304050607" + "02" + "a001020304050607"},
	{TypeNames, originB, &Names{false, Nobody, []Name{{originA, 1, true}}, true}, "a001020304050607b001020304050607" + "01" + "0000000000000000" +
		"a001020304050607" + "0000000000000001" + "01"},
	{TypeNames, originB, &Names{true, originA, []Name{{Origin: originB}}, false}, "a001020304050607b001020304050607" + "02" + "a001020304050607" +
		"b001020304050607"},
	{TypeAskDigests, originB, &AskDigests{Nobody, []Node{{0, 0}, {3, 0xfff}}}, "a001020304050607b001020304050607" + "0000000000000000" + "000000" + "030fff"},
	{TypeDigests, originB, &Digests{originA, []NodeDigests{{Node{1, 2}, [nodeChildren]uint64{0: 1, 15: 2}}}}, "a001020304050607b001020304050607" +
		"a001020304050607" + "010002" + "0000000000000001" + hex.EncodeToString(make([]byte, 8*14)) + "0000000000000002"},
	{TypeAskRecords, originB, &AskRecords{originA, hashC, 0xc0ff}, "a001020304050607b001020304050607" + "a001020304050607" +
		"c0000000000000000000000000000000000000c9" + "c0ff"},
	{TypeRecords, originB, &Records{originA, hashC, 0xc0ff, FoldedSum{1, 2}, []Record{record(4, time.Second, false)}, true},
		"a001020304050607b001020304050607" + "a001020304050607" + "c0000000000000000000000000000000000000c9" + "c0ff" +
			"00000001" + "0000000000000002" + "01" + "c0000000000000000000000000000000000000c9" + "0000000000000004" + "00000001"},
}

// record returns a record of the torrent that the packets are about.
func record(value uint64, age time.Duration, kept bool) Record {
	return Record{InfoHash: hashC, Value: value, Age: age, Kept: kept}
}

func TestGoldenPackets(t *testing.T) {
	for _, g := range goldens {
		kind, b := Append(nil, originA, g.to, g.m)
		if got := hex.EncodeToString(b); got != g.want || kind != g.t {
			t.Errorf("%#x %T:\n%s, want\n%s", kind, g.m, got, g.want)
		}
		from, to, m, err := Parse(g.t, b)
		if err != nil || from != originA || to != g.to || !reflect.DeepEqual(m, g.m) {
			t.Errorf("%T: from %s to %s, %+v, %v", g.m, from, to, m, err)
		}
	}
}

func TestAgesAreRoundedUp(t *testing.T) {
	for age, want := range map[time.Duration]time.Duration{
		-1: 0, 0: 0, 1: time.Second, time.Second: time.Second, time.Second + 1: 2 * time.Second, 1 << 62: maxAge,
	} {
		_, b := Append(nil, originA, Nobody, &Parts{Records: []Record{{Value: 1, Age: age}}})
		if _, _, m, err := Parse(TypeParts, b); err != nil || m.(*Parts).Records[0].Age != want {
			t.Errorf("%v: %+v, %v", age, m, err)
		}
	}
}

func TestBadPackets(t *testing.T) {
	for _, g := range goldens {
		_, b := Append(nil, originA, g.to, g.m)
		if _, _, _, err := Parse(g.t, b[:envelopeSize-1]); err != ErrLength {
			t.Errorf("%T cut off: %v", g.m, err)
		}
		if _, _, _, err := Parse(g.t, append(b, 0)); err == nil {
			t.Errorf("%T with a byte more is taken", g.m)
		}
		clear(b[:8])
		if _, _, _, err := Parse(g.t, b); err != ErrValue {
			t.Errorf("%T from nobody: %v", g.m, err)
		}
	}
	for name, m := range map[string]Message{
		"a part of 0":           &Parts{Records: []Record{{}}},
		"a part that overflows": &Parts{Records: []Record{{Value: 1 << 63}}},
		"a node of a range":     &AskDigests{Nodes: []Node{{4, 0}}},
		"a node too far":        &Digests{Nodes: []NodeDigests{{Node: Node{1, 16}}}},
	} {
		kind, b := Append(nil, originA, Nobody, m)
		if _, _, _, err := Parse(kind, b); err != ErrValue {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, _, err := Parse(TypeRecords+1, make([]byte, 100)); err != ErrType {
		t.Error(err)
	}
}

// TestMessagesFit fills messages and looks that the packets are no longer than may be.
func TestMessagesFit(t *testing.T) {
	for _, room := range []int{512, 1420, 1464} {
		s := SizesFor(room)
		if s.Records < 12 || s.Nodes < 3 || s.Names < 12 {
			t.Errorf("%d bytes: %+v", room, s)
		}
		names, records := make([]Origin, s.Names), make([]Record, s.Records)
		for _, m := range []Message{
			&Hello{FoldedNames: names, EndedNames: names, Known: make([]Seen, s.Names)},
			&Parts{Records: records}, &Records{Records: records},
			&AskParts{make([]uint64, s.Names)}, &Names{Names: make([]Name, s.Names)},
			&AskDigests{Nodes: make([]Node, s.Nodes)}, &Digests{Nodes: make([]NodeDigests, s.Nodes)},
		} {
			if _, b := Append(nil, originA, originB, m); len(b) > room {
				t.Errorf("%T: %d bytes of %d", m, len(b), room)
			}
		}
	}
}

// FuzzParse looks that what is taken comes out the same when it is sent on.
func FuzzParse(f *testing.F) {
	for _, g := range goldens {
		_, b := Append(nil, originA, g.to, g.m)
		f.Add(uint32(g.t), b)
	}
	f.Fuzz(func(t *testing.T, number uint32, b []byte) {
		from, to, m, err := Parse(Type(number), b)
		if err != nil {
			return
		}
		if kind, again := Append(nil, from, to, m); kind != Type(number) || !bytes.Equal(again, b) {
			t.Fatalf("%x became %x", b, again)
		}
	})
}
