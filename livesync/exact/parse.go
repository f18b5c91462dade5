package exact

import (
	"encoding/binary"
	"math"
	"time"

	"keeptrack/tracker"
	"keeptrack/tracker/override"
)

// Parse reads what follows the type in a packet. What it returns does not refer to b.
// The error is ErrType, ErrLength or ErrValue.
func Parse(t Type, b []byte) (from, to Origin, m Message, err error) {
	p := parser{b: b}
	from, to = p.origin(), p.origin()
	if from == Nobody {
		p.bad = true
	}
	if m = p.message(t); m == nil {
		return Nobody, Nobody, nil, ErrType
	}
	switch {
	case p.short || len(p.b) > 0:
		return Nobody, Nobody, nil, ErrLength
	case p.bad:
		return Nobody, Nobody, nil, ErrValue
	}
	return from, to, m, nil
}

// parser takes a packet apart from the front.
type parser struct {
	b     []byte
	short bool // something was cut off
	bad   bool // something has a value that nobody sends
}

func (p *parser) message(t Type) Message {
	switch t {
	case TypeHello:
		return p.hello()
	case TypeParts:
		return &Parts{Number: p.u64(), Records: p.records()}
	case TypeAskParts:
		return &AskParts{many(p, 8, p.u64)}
	case TypeAskNames:
		folded := p.flags(foldedFlag)
		return &AskNames{folded != 0, p.origin()}
	case TypeNames:
		return p.names()
	case TypeAskDigests:
		return &AskDigests{p.origin(), many(p, nodeSize, p.node)}
	case TypeDigests:
		return &Digests{p.origin(), many(p, digestsSize, p.digests)}
	case TypeAskRecords:
		return &AskRecords{p.origin(), p.hash(), p.u16()}
	case TypeRecords:
		m := &Records{Subject: p.origin(), From: p.hash(), Last: p.u16(), Folded: p.folded()}
		m.More = p.flags(moreFlag) != 0
		m.Records = p.records()
		return m
	}
	return nil
}

func (p *parser) hello() *Hello {
	m := &Hello{}
	for _, n := range [...]*uint64{&m.Serial, &m.Number, &m.Oldest, &m.Own, &m.Ended, &m.Silent, &m.Nobody} {
		*n = p.u64()
	}
	m.Folded, m.Members, m.Label = p.folded(), p.u16(), override.Label(p.take(4))
	n := p.take(3)
	for range n[0] {
		m.FoldedNames = append(m.FoldedNames, p.origin())
	}
	for range n[1] {
		m.EndedNames = append(m.EndedNames, p.origin())
	}
	for range n[2] {
		m.Known = append(m.Known, Seen{p.origin(), time.Duration(p.u32()) * time.Second})
	}
	return m
}

func (p *parser) names() *Names {
	f := p.flags(moreFlag | foldedFlag)
	m := &Names{Folded: f&foldedFlag != 0, More: f&moreFlag != 0, After: p.origin()}
	if m.Folded {
		m.Names = many(p, 8, func() Name { return Name{Origin: p.origin()} })
	} else {
		m.Names = many(p, nameSize, func() Name { return Name{p.origin(), p.u64(), p.flags(moreFlag) != 0} })
	}
	return m
}

func (p *parser) records() []Record {
	return many(p, recordSize, func() Record {
		r := Record{InfoHash: p.hash(), Value: p.u64()}
		if r.Value == 0 || r.Value > math.MaxInt64 {
			p.bad = true
		}
		age := p.u32()
		r.Age, r.Kept = time.Duration(age&^keptBit)*time.Second, age&keptBit != 0
		return r
	})
}

func (p *parser) digests() (d NodeDigests) {
	d.Node = p.node()
	for i := range d.Children {
		d.Children[i] = p.u64()
	}
	return d
}

func (p *parser) node() Node {
	n := Node{p.take(1)[0], p.u16()}
	if !n.valid() {
		p.bad = true
	}
	return n
}

func (p *parser) folded() FoldedSum { return FoldedSum{p.u32(), p.u64()} }

// many reads things of a size to the end.
func many[T any](p *parser, size int, read func() T) (all []T) {
	for len(p.b) >= size {
		all = append(all, read())
	}
	return all
}

// take returns the next n bytes, zeros if there are fewer.
func (p *parser) take(n int) []byte {
	if len(p.b) < n {
		p.b, p.short = nil, true
		return make([]byte, n)
	}
	b := p.b[:n]
	p.b = p.b[n:]
	return b
}

func (p *parser) u16() uint16            { return binary.BigEndian.Uint16(p.take(2)) }
func (p *parser) u32() uint32            { return binary.BigEndian.Uint32(p.take(4)) }
func (p *parser) u64() uint64            { return binary.BigEndian.Uint64(p.take(8)) }
func (p *parser) origin() Origin         { return Origin(p.take(8)) }
func (p *parser) hash() tracker.InfoHash { return tracker.InfoHash(p.take(20)) }
func (p *parser) flags(known byte) byte {
	f := p.take(1)[0]
	if f&^known != 0 {
		p.bad = true
	}
	return f & known
}
