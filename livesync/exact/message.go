package exact

import (
	"time"

	"keeptrack/tracker"
	"keeptrack/tracker/override"
)

// Message is what one member says to all or to one other. Slices in it belong to the
// receiver.
type Message interface{ body() }

// Seen says how long ago a member was heard, by whomever in the group.
type Seen struct {
	Origin Origin
	Age    time.Duration // rounded up
}

// FoldedSum stands for a set of folded origins.
type FoldedSum struct {
	Count  uint32
	Digest uint64
}

// Hello goes to all, every interval.
type Hello struct {
	Serial uint64 // rises with every hello of an origin
	// Number is that of the last Parts sent, Oldest that of the first which can be
	// sent again, and Own the root of the sender's parts as of Number.
	Number, Oldest, Own uint64
	// Ended is over the roots of all origins that have ended, Silent over those of
	// the origins which have not but were not heard lately, if they have parts.
	Ended, Silent uint64
	Nobody        uint64 // root of nobody's part
	Folded        FoldedSum
	FoldedNames   []Origin // the newest
	EndedNames    []Origin // some of those not folded
	Known         []Seen   // some of the members, without the sender
	Members       uint16   // how many it knows
	Label         override.Label
}

// Parts are parts of the sender's own origin, each completion on its own: their values
// rise by one.
type Parts struct {
	Number  uint64 // counts from 1 in an origin
	Records []Record
}

// AskParts asks for Parts again.
type AskParts struct{ Numbers []uint64 }

// AskNames asks for the names of folded origins, or of those that are not folded with
// their roots, from the first after After in order of bytes.
type AskNames struct {
	Folded bool
	After  Origin
}

// Name is an origin that the sender knows.
type Name struct {
	Origin Origin
	Root   uint64 // of its parts; not for folded ones
	Ended  bool
}

// Names answers AskNames. More says that there are others after the last.
type Names struct {
	Folded bool
	After  Origin // as asked
	Names  []Name
	More   bool
}

// AskDigests asks for the digests of the children of nodes.
type AskDigests struct {
	Subject Origin // or Nobody
	Nodes   []Node
}

// NodeDigests are the digests of a node's children.
type NodeDigests struct {
	Node     Node
	Children [nodeChildren]uint64
}

// Digests answers AskDigests.
type Digests struct {
	Subject Origin
	Nodes   []NodeDigests
}

// AskRecords asks for the records from From to the end of range Last.
type AskRecords struct {
	Subject Origin
	From    tracker.InfoHash
	Last    uint16
}

// Records answers AskRecords with the first of them. More says that there are others
// after the last.
type Records struct {
	Subject Origin
	From    tracker.InfoHash // as asked
	Last    uint16
	Folded  FoldedSum // what the sender has folded
	Records []Record
	More    bool
}

func (*Hello) body()      {}
func (*Parts) body()      {}
func (*AskParts) body()   {}
func (*AskNames) body()   {}
func (*Names) body()      {}
func (*AskDigests) body() {}
func (*Digests) body()    {}
func (*AskRecords) body() {}
func (*Records) body()    {}
