package wire

import (
	"fmt"
	"strings"
	"time"

	"keeptrack/livesync/exact"
	"keeptrack/tracker/override"
)

// writeCount writes what packets of the kinds from KindCountHello on say.
func (p Packet) writeCount(b *strings.Builder) {
	if !p.Kind.Counts() {
		return
	}
	c := p.Count()
	fmt.Fprintf(b, " of %s", c.From)
	if c.To != exact.Nobody {
		fmt.Fprintf(b, " to %s", c.To)
	}
	for _, f := range said(c.Message) {
		fmt.Fprintf(b, " %s %v", strings.ReplaceAll(f.name, "_", " "), f.value)
	}
}

// countJSON are members of a packetJSON.
type countJSON struct {
	Origin   string         `json:"origin"`
	Receiver string         `json:"receiver,omitempty"`
	Said     map[string]any `json:"said"`
}

// addCount adds what packets of the kinds from KindCountHello on say.
func (p Packet) addCount(v *packetJSON) {
	if !p.Kind.Counts() {
		return
	}
	c := p.Count()
	v.countJSON = &countJSON{Origin: c.From.String(), Said: make(map[string]any)}
	if c.To != exact.Nobody {
		v.Receiver = c.To.String()
	}
	for _, f := range said(c.Message) {
		v.Said[f.name] = f.value
	}
}

// field is one thing that a message says: as JSON, and by its String method as text.
type field struct {
	name  string
	value any
}

// said returns what a message says.
func said(m exact.Message) []field {
	switch m := m.(type) {
	case *exact.Hello:
		return saidHello(m)
	case *exact.Parts:
		return []field{{"number", m.Number}, {"parts", partsOf(m.Records)}}
	case *exact.AskParts:
		return []field{{"numbers", texts[uint64](m.Numbers)}}
	case *exact.AskNames:
		return []field{{"folded", m.Folded}, {"after", m.After.String()}}
	case *exact.Names:
		return saidNames(m)
	case *exact.AskDigests:
		return []field{{"subject", m.Subject.String()}, {"nodes", list(m.Nodes, nodeText)}}
	case *exact.Digests:
		return []field{{"subject", m.Subject.String()}, {"digests", list(m.Nodes, func(n exact.NodeDigests) nodeJSON {
			return nodeJSON{nodeText(n.Node), list(n.Children[:], digestText)}
		})}}
	case *exact.AskRecords:
		return []field{{"subject", m.Subject.String()}, {"from", m.From.String()}, {"last_range", rangeText(m.Last)}}
	case *exact.Records:
		return []field{
			{"subject", m.Subject.String()}, {"from", m.From.String()}, {"last_range", rangeText(m.Last)},
			{"folded", m.Folded.Count}, {"folded_digest", digestText(m.Folded.Digest)}, {"more", m.More}, {"parts", partsOf(m.Records)},
		}
	}
	return nil
}

func saidHello(m *exact.Hello) []field {
	fields := []field{
		{"serial", m.Serial}, {"number", m.Number}, {"oldest", m.Oldest}, {"own", digestText(m.Own)},
		{"ended", digestText(m.Ended)}, {"silent", digestText(m.Silent)}, {"nobody", digestText(m.Nobody)},
		{"folded", m.Folded.Count}, {"folded_digest", digestText(m.Folded.Digest)}, {"members", m.Members},
		{"folded_names", list(m.FoldedNames, exact.Origin.String)}, {"ended_names", list(m.EndedNames, exact.Origin.String)},
		{"known", list(m.Known, func(s exact.Seen) seenJSON { return seenJSON{s.Origin.String(), uint32(s.Age / time.Second)} })},
	}
	if m.Label != (override.Label{}) {
		fields = append(fields, field{"label", m.Label.String()})
	}
	return fields
}

func saidNames(m *exact.Names) []field {
	return []field{
		{"folded", m.Folded}, {"after", m.After.String()}, {"more", m.More},
		{"names", list(m.Names, func(n exact.Name) nameJSON {
			if m.Folded {
				return nameJSON{Origin: n.Origin.String()}
			}
			return nameJSON{n.Origin.String(), digestText(n.Root), n.Ended}
		})},
	}
}

type partJSON struct {
	InfoHash string `json:"info_hash"`
	Value    uint64 `json:"value"`
	Age      uint32 `json:"age_seconds"`
	Kept     bool   `json:"kept"`
}

func (r partJSON) String() string {
	kept := ""
	if r.Kept {
		kept = " kept"
	}
	return fmt.Sprintf("%s %d %d seconds ago%s", r.InfoHash, r.Value, r.Age, kept)
}

type seenJSON struct {
	Origin string `json:"origin"`
	Age    uint32 `json:"age_seconds"`
}

func (s seenJSON) String() string { return fmt.Sprintf("%s %d seconds ago", s.Origin, s.Age) }

type nameJSON struct {
	Origin string `json:"origin"`
	Root   string `json:"root,omitempty"`
	Ended  bool   `json:"ended,omitempty"`
}

func (n nameJSON) String() string {
	ended := ""
	if n.Ended {
		ended = " ended"
	}
	return strings.TrimSuffix(n.Origin+" "+n.Root, " ") + ended
}

type nodeJSON struct {
	Node     string   `json:"node"`
	Children []string `json:"children"`
}

func (n nodeJSON) String() string { return fmt.Sprintf("%s %s", n.Node, strings.Join(n.Children, " ")) }

// texts are printed separated by commas.
type texts[T any] []T

func (l texts[T]) String() string {
	if len(l) == 0 {
		return "none"
	}
	all := make([]string, len(l))
	for i := range l {
		all[i] = fmt.Sprint(l[i])
	}
	return strings.Join(all, ", ")
}

func list[T, U any](all []T, show func(T) U) texts[U] {
	l := make(texts[U], len(all))
	for i := range all {
		l[i] = show(all[i])
	}
	return l
}

func partsOf(records []exact.Record) texts[partJSON] {
	return list(records, func(r exact.Record) partJSON {
		return partJSON{r.InfoHash.String(), r.Value, uint32(r.Age / time.Second), r.Kept}
	})
}

func digestText(d uint64) string { return fmt.Sprintf("%016x", d) }
func rangeText(r uint16) string  { return fmt.Sprintf("%04x", r) }

// nodeText returns the hexadecimal digits that the info hashes under a node begin with.
func nodeText(n exact.Node) string {
	if n.Depth == 0 {
		return "root"
	}
	return fmt.Sprintf("%0*x", n.Depth, n.Prefix)
}
