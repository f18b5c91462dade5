package wire

import (
	"fmt"
	"strings"
	"time"
)

// writeOverrides writes what packets about overrides say.
func (p Packet) writeOverrides(b *strings.Builder) {
	if p.Kind == KindOverrideDigest {
		d := p.OverrideDigest()
		fmt.Fprintf(b, " %016x of %s", d.Root, d.Label)
		if !d.Agreed.IsZero() {
			fmt.Fprintf(b, " agreed %s", d.Agreed.Format(time.RFC3339))
		}
		return
	}
	for i := range p.Records() {
		if i > 0 {
			b.WriteByte(',')
		}
		if p.Kind == KindOverrideAsk {
			first, digest := p.AskedRange(i)
			fmt.Fprintf(b, " %02x %016x", first, digest)
			continue
		}
		o := p.Override(i)
		fmt.Fprintf(b, " %s %s %s of %s", o.InfoHash, o.Decision, o.At().Format(time.RFC3339Nano), o.Origin)
	}
}

// overridesJSON are members of a packetJSON.
type overridesJSON struct {
	Digest    string         `json:"digest,omitempty"`
	Agreed    time.Time      `json:"agreed,omitzero"`
	Label     string         `json:"label,omitempty"`
	Ranges    []rangeJSON    `json:"ranges,omitempty"`
	Overrides []overrideJSON `json:"overrides,omitempty"`
}

type rangeJSON struct {
	First  string `json:"first_byte"`
	Digest string `json:"digest"`
}

type overrideJSON struct {
	InfoHash string    `json:"info_hash"`
	Decision string    `json:"decision"`
	Made     time.Time `json:"made"`
	Origin   string    `json:"origin"`
}

// addOverrides adds what packets about overrides say.
func (p Packet) addOverrides(v *packetJSON) {
	s := &overridesJSON{}
	v.overridesJSON = s
	if p.Kind == KindOverrideDigest {
		d := p.OverrideDigest()
		s.Digest, s.Agreed, s.Label = fmt.Sprintf("%016x", d.Root), d.Agreed, d.Label.String()
		return
	}
	for i := range p.Records() {
		if p.Kind == KindOverrideAsk {
			first, digest := p.AskedRange(i)
			s.Ranges = append(s.Ranges, rangeJSON{fmt.Sprintf("%02x", first), fmt.Sprintf("%016x", digest)})
			continue
		}
		o := p.Override(i)
		s.Overrides = append(s.Overrides, overrideJSON{o.InfoHash.String(), o.Decision.String(), o.At(), o.Origin.String()})
	}
}
