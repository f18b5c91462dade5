package exact

import (
	"bytes"

	"keeptrack/tracker"
)

// spanRanges is how many ranges are asked for together, unless there is little in them.
const spanRanges = 1 << (4 * (treeDepth - spanDepth))

// spanDepth is the depth of the nodes that have so many.
const spanDepth = 2

// span is what is asked for of records: from an info hash to the end of a range.
type span struct {
	first uint16
	from  tracker.InfoHash
	last  uint16
	// stand is what stands in, by range, for what was not taken in. refused are some of
	// those, to be tried once more.
	stand   map[uint16]uint64
	refused []Record
}

// maxRetried bounds what of a span is tried once more.
const maxRetried = 64

// refuse notes that a record was not taken in, of whose part there is a value here.
func (sp *span) refuse(r *Record, value uint64, subject Origin) {
	if sp.stand == nil {
		sp.stand = make(map[uint16]uint64)
	}
	sp.stand[leaf(&r.InfoHash)] ^= digestOf(subject, &r.InfoHash, r.Value) ^ digestOf(subject, &r.InfoHash, value)
	if len(sp.refused) < maxRetried {
		sp.refused = append(sp.refused, *r)
	}
}

// advance goes on behind the records of an answer, and returns whether there are more.
func (sp *span) advance(r *Records) bool {
	if !r.More || len(r.Records) == 0 {
		return false
	}
	next, ok := r.Records[len(r.Records)-1].InfoHash.Next()
	if !ok || bytes.Compare(next[:], sp.from[:]) <= 0 || leaf(&next) > sp.last {
		return false
	}
	sp.from = next
	return true
}

// gap returns how many ranges may lie between two that are asked for together: so many
// that what is in them fills a quarter of a message.
func (g *Group) gap(o Origin) int {
	return min(g.options.Sizes.Records*leafCount/4/max(g.ledger.count(o), 1), spanRanges)
}

// differs notes a node that differs.
func (s *session) differs(n Node) {
	switch {
	case s.full():
	case n.Depth < treeDepth:
		s.nodes = append(s.nodes, n)
	default:
		s.ask(n.Prefix)
	}
}

// lacks notes a node of which there is nothing here: all of it is asked for.
func (s *session) lacks(n Node) {
	if s.full() {
		return
	}
	begin, ranges := n.leaves()
	s.ranges += ranges
	s.spans = append(s.spans, span{first: uint16(begin), from: first(uint16(begin)), last: uint16(begin + ranges - 1)})
}

// split has what is left of a long span that an answer did not exhaust asked for in pieces,
// side by side.
func (s *session) split(sp *span) {
	end := int(leaf(&sp.from)) | (spanRanges - 1)
	for begin := end + 1; begin <= int(sp.last); begin += spanRanges {
		s.spans = append(s.spans, span{first: uint16(begin), from: first(uint16(begin)), last: uint16(min(begin+spanRanges-1, int(sp.last)))})
	}
	sp.last = uint16(min(end, int(sp.last)))
}

// full says that no more is to be looked for.
func (s *session) full() bool { return s.limit > 0 && len(s.nodes)+s.ranges >= s.limit }

// ask has the records of a range asked for, together with those of ranges before if these
// are near.
func (s *session) ask(at uint16) {
	s.ranges++
	if k := len(s.spans) - 1; k >= 0 && at > s.spans[k].last && int(at-s.spans[k].last)-1 <= s.gap && at/spanRanges == s.spans[k].first/spanRanges {
		s.spans[k].last = at
		return
	}
	s.spans = append(s.spans, span{first: at, from: first(at), last: at})
}
