package exact

import (
	"encoding/binary"
	"testing"
	"time"

	"keeptrack/cmd/testenv"
	"keeptrack/tracker"
)

// TestRepeatedPartsAreNotRemembered sends one message again and again, and messages with
// numbers far ahead: what is remembered is bounded.
func TestRepeatedPartsAreNotRemembered(t *testing.T) {
	p := newPair(nil)
	g, mate := p.groups[0], Origin{2}
	parts := func(number uint64, value uint64) *Parts {
		m := &Parts{Number: number}
		for i := range 40 {
			h := tracker.InfoHash{byte(i)}
			m.Records = append(m.Records, Record{InfoHash: h, Value: value})
		}
		return m
	}
	for i := range uint64(1000) {
		g.Hear(mate, parts(1, i+1), p.now)
	}
	if n := len(g.mates[mate].received.recent); n != 40 {
		t.Errorf("%d parts of one message are remembered", n)
	}
	for i := range uint64(2 * maxBeyond) {
		g.Hear(mate, parts(3+2*i, i), p.now)
	}
	r := &g.mates[mate].received
	if len(r.recent) != maxRecent || len(r.beyond) != maxBeyond || r.unsure == 0 {
		t.Errorf("%d parts of %d messages are remembered", len(r.recent), len(r.beyond))
	}
	p.run(4 * interval)
}

// TestRefusedRecordsAreNotKept has a mate tell many torrents that are refused.
func TestRefusedRecordsAreNotKept(t *testing.T) {
	of := make(map[tracker.InfoHash]*counts)
	refuses := make(map[tracker.InfoHash]bool)
	for i := range testenv.Pick(5_000, 20_000) {
		var h tracker.InfoHash
		binary.BigEndian.PutUint64(h[:], mix(uint64(i)))
		of[h], refuses[h] = &counts{nobody: 1, last: time.Unix(1e9, 0)}, true
	}
	p := newPair(nil)
	for h, c := range of {
		p.tables[0].find(h, c.last)
		p.tables[0].set(h, Nobody, 1)
	}
	p.tables[1].refuses = refuses
	most := 0
	send := p.groups[1].options.Send
	p.groups[1].options.Send = func(to Origin, m Message) {
		kept := 0
		for _, s := range p.groups[1].sessions {
			for _, q := range s.open {
				if q.span != nil {
					kept += len(q.span.refused)
				}
			}
		}
		most = max(most, kept)
		send(to, m)
	}
	p.run(4 * interval)
	if p.groups[0].ledger.root(Nobody) != p.groups[1].ledger.root(Nobody) {
		t.Error("what is refused does not stand in")
	}
	if most == 0 || most > window*maxRetried {
		t.Errorf("%d records were kept", most)
	}
}

// TestForcedOriginsAreFew has somebody say again and again that the present origin has
// ended, or is folded: it is another at once for a few times, then one in an interval.
func TestForcedOriginsAreFew(t *testing.T) {
	for _, folded := range []bool{false, true} {
		p := newPair(nil)
		g, began := p.groups[0], 0
		g.options.NewOrigin = func() Origin { began++; return Origin{1, byte(began), byte(began >> 8)} }
		for i := range uint64(1000) {
			h := &Hello{Serial: i + 1, EndedNames: []Origin{g.ledger.Own()}}
			if folded {
				h.FoldedNames, h.EndedNames = h.EndedNames, nil
			}
			g.Hear(Origin{7}, h, p.now)
		}
		if began != maxForced {
			t.Errorf("folded %v: %d origins begun", folded, began)
		}
		own := g.ledger.Own()
		g.Tick(p.now.Add(interval))
		if began != maxForced+1 || g.ledger.Own() == own {
			t.Errorf("folded %v: %d origins begun an interval later", folded, began)
		}
	}
}

// TestAnswersAreBounded asks for the digests of many nodes at once, and a mate answers with
// records and names that lead nowhere.
func TestAnswersAreBounded(t *testing.T) {
	p := newPair(nil)
	g, mate := p.groups[0], Origin{2}
	g.Hear(mate, &Hello{Serial: 1, Own: 1, Nobody: 5, Folded: FoldedSum{1, 1}}, p.now)
	var sent []Message
	g.options.Send = func(_ Origin, m Message) { sent = append(sent, m) }
	g.Hear(mate, &AskDigests{Subject: Nobody, Nodes: make([]Node, 400)}, p.now)
	if n := len(sent[0].(*Digests).Nodes); n != g.options.Sizes.Nodes {
		t.Errorf("%d nodes in an answer", n)
	}
	sp := span{from: tracker.InfoHash{5}, last: 0xffff}
	for name, r := range map[string]*Records{
		"none":           {More: true},
		"back":           {More: true, Records: []Record{{InfoHash: tracker.InfoHash{4}}}},
		"beyond the end": {More: true, Records: []Record{{InfoHash: tracker.InfoHash{0: 0xff, 19: 0xff}}}},
	} {
		if name == "beyond the end" {
			for i := range r.Records[0].InfoHash {
				r.Records[0].InfoHash[i] = 0xff
			}
		}
		if sp.advance(r) {
			t.Errorf("%s: goes on at %v", name, sp.from)
		}
	}
}

// TestPartsAreSentBeforeTheirOriginEnds counts while an origin begins.
func TestPartsAreSentBeforeTheirOriginEnds(t *testing.T) {
	p := newPair(nil)
	g, table := p.groups[0], p.tables[0]
	old := g.ledger.Own()
	table.complete(hashC, p.now)
	var order []string
	g.options.Send = func(_ Origin, m Message) {
		if m, ok := m.(*Parts); ok {
			order = append(order, "sent "+g.ledger.Own().String())
			if len(m.Records) != 1 {
				t.Errorf("%+v", m)
			}
		}
	}
	g.options.NewOrigin = func() Origin { return Origin{9} }
	g.begin(p.now)
	if len(order) != 1 || order[0] != "sent "+old.String() {
		t.Errorf("%v", order)
	}
	table.complete(hashC, p.now)
	if m := g.ledger.Flush(p.now); m == nil || m.Number != 1 || m.Records[0].Value != 1 {
		t.Errorf("of the new origin: %+v", m)
	}
}
