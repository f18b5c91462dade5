package exact

import (
	"slices"
	"testing"
	"time"

	"keeptrack/tracker"
)

func TestReceivedKnowsWhatIsMissing(t *testing.T) {
	at := time.Unix(1e9, 0)
	var r received
	take := func(numbers ...uint64) {
		for _, n := range numbers {
			r.take(&Parts{Number: n}, at)
		}
	}
	r.told(10, 1, at) // what came before comes by digest
	take(11, 14, 13, 13, 9)
	if got := r.missing(10, 9); r.upto != 11 || !slices.Equal(got, []uint64{12}) {
		t.Errorf("up to %d, missing %v", r.upto, got)
	}
	if got := r.missing(17, 3); !slices.Equal(got, []uint64{12, 15, 16}) {
		t.Errorf("missing %v", got)
	}
	take(12)
	if got := r.missing(0, 9); r.upto != 14 || len(r.beyond) != 0 || got != nil {
		t.Errorf("up to %d, beyond %v, missing %v", r.upto, r.beyond, got)
	}
	take(18)
	r.told(20, 18, at) // 15 to 17 cannot be sent again
	if got := r.missing(20, 9); r.upto != 18 || !slices.Equal(got, []uint64{19, 20}) {
		t.Errorf("up to %d, missing %v", r.upto, got)
	}
	r.told(1<<63, 1<<63, at)
	if got := r.missing(1<<63, 9); len(r.beyond) != 0 || !slices.Equal(got, []uint64{1 << 63}) {
		t.Errorf("beyond %v, missing %v", r.beyond, got)
	}
}

// TestRootAsOfAMessage has messages come before the hello that is about earlier ones.
func TestRootAsOfAMessage(t *testing.T) {
	w := newWorld(1, "")
	a, b := newMember(w, "a", disk{}), newMember(w, "b", disk{})
	own := a.group.ledger.Own()
	h, g := tracker.InfoHash{1}, tracker.InfoHash{2}
	var sent []*Parts
	var hellos []*Hello
	a.group.options.Send = func(_ Origin, m Message) {
		switch m := m.(type) {
		case *Parts:
			sent = append(sent, m)
		case *Hello:
			hellos = append(hellos, m)
		}
	}
	for _, k := range []tracker.InfoHash{h, h, g, h, g, g} {
		a.table.complete(k, w.now)
		a.group.hello(w.now)
	}
	b.group.Hear(own, hellos[0], w.now.Add(-time.Second)) // of message 1, which counts as had
	for _, p := range []int{0, 3, 2, 5, 1, 4} {
		b.group.Hear(own, sent[p], w.now)
	}
	m := b.group.mates[own]
	for _, hello := range hellos {
		if got := b.group.rootAsOf(m, hello.Number); got != hello.Own {
			t.Errorf("as of message %d: %x, want %x", hello.Number, got, hello.Own)
		}
	}
}

// TestRootAsOfAMessageBeforeAGap has a later message of the same torrent missing.
func TestRootAsOfAMessageBeforeAGap(t *testing.T) {
	w := newWorld(1, "")
	m := newMember(w, "a", disk{})
	o, h := w.newOrigin(), tracker.InfoHash{1}
	parts := func(number, value uint64) {
		m.group.Hear(o, &Parts{Number: number, Records: []Record{{InfoHash: h, Value: value}}}, w.now)
	}
	m.group.Hear(o, &Hello{Serial: 1}, w.now)
	parts(1, 1)
	parts(3, 3)
	parts(4, 4)
	for number, want := range map[uint64]uint64{0: 0, 1: 1, 3: 3, 4: 4} {
		if got := m.group.rootAsOf(m.group.mates[o], number); got != digestOf(o, &h, want) {
			t.Errorf("as of message %d: %x, not that of %d", number, got, want)
		}
	}
}

func TestSentIsKeptWithinABound(t *testing.T) {
	s := sent{records: 2, keep: 5}
	at := time.Unix(1e9, 0)
	for i := range uint64(9) {
		s.add(at, &tracker.InfoHash{}, i+1)
	}
	for p := s.flush(at.Add(time.Second)); p != nil; p = s.flush(at.Add(time.Second)) {
		if p.Records[0].Age != time.Second {
			t.Errorf("message %d is %v old", p.Number, p.Records[0].Age)
		}
	}
	if s.number != 5 || s.oldest() != 3 || s.again(at, 2) != nil || s.again(at, 6) != nil {
		t.Errorf("number %d, oldest %d", s.number, s.oldest())
	}
	if p := s.again(at.Add(time.Minute), 5); len(p.Records) != 1 || p.Records[0].Value != 9 || p.Records[0].Age != time.Minute {
		t.Errorf("%+v", p)
	}
}
