package store

import (
	"bytes"
	"slices"
	"time"

	"keeptrack/tracker"
)

// dumpReader reads lines of text for an import: of torrents, and those about parts
// and origins.
type dumpReader struct {
	merger
	origins Origins                 // those of the file, and what was read
	folded  map[tracker.Origin]bool // of origins
	known   map[tracker.Origin]bool // all of origins
	changed bool                    // origins have
	now     time.Time

	foreign bool // the file had origins, so that what was not counted by one is a floor
	fresh   bool // there was nothing in it
	counted bool // there are lines for all parts
	floors  bool // a torrent without an excess has all but its parts of one

	waiting []partLine // for the line of their torrent
	refuse  func(line int, err error)
}

type partLine struct {
	tracker.TorrentPart
	number int
}

// newDumpReader returns a reader for a file that has origins and a number of records.
func newDumpReader(o Origins, records int, refuse func(int, error)) *dumpReader {
	d := &dumpReader{origins: o, folded: map[tracker.Origin]bool{}, known: map[tracker.Origin]bool{}, now: time.Now(), refuse: refuse}
	for _, f := range o.Folded {
		d.folded[f] = true
	}
	known := slices.Concat(o.Ended, o.Folded)
	for _, k := range o.Known {
		known = append(known, k.Origin)
	}
	if o.Present != tracker.Nobody {
		known = append(known, o.Present)
	}
	for _, k := range known {
		d.known[k] = true
	}
	d.foreign = len(known) > 0
	d.fresh = records == 0 && !d.foreign
	d.dump = d
	return d
}

// along returns the origins for a checkpoint, nil if the file has them.
func (d *dumpReader) along() *Origins {
	if !d.changed {
		return nil
	}
	return &d.origins
}

// torrent reads the line of a torrent.
func (d *dumpReader) torrent(line []byte) error {
	r, err := ParseLine(line)
	if err != nil {
		return err
	}
	var parts []tracker.Part
	excess := false
	for _, p := range d.waiting {
		if p.InfoHash != r.InfoHash {
			d.alone()
			parts, excess = nil, false
			break
		}
		parts = append(parts, p.Part)
		excess = excess || p.Origin == tracker.Nobody
	}
	d.waiting = d.waiting[:0]
	if !excess && (d.floors || d.foreign && !d.counted) {
		if e := rest(r.Downloaded, countedParts(parts)); e > 0 {
			parts = append(parts, tracker.Part{Value: e})
		}
	}
	d.add(r, parts)
	return nil
}

// comment reads a line that begins with #.
func (d *dumpReader) comment(line []byte, number int) error {
	if rest, ok := bytes.CutPrefix(line, []byte(partPrefix)); ok {
		return d.part(rest, number)
	}
	if rest, ok := bytes.CutPrefix(line, []byte(foldedPrefix)); ok {
		o, err := parseFolded(rest)
		if err == nil {
			d.fold(o)
		}
		return err
	}
	switch string(line) {
	case partsHead:
		d.counted = true
	case floorsHead:
		d.floors = true
		if d.fresh {
			d.origins.Floors, d.changed = true, true
		}
	}
	return nil
}

// part reads a part of the torrent whose line comes next.
func (d *dumpReader) part(text []byte, number int) error {
	p, err := parsePartLine(text)
	if err != nil {
		return err
	}
	if len(d.waiting) > 0 && d.waiting[0].InfoHash != p.InfoHash {
		d.alone()
	}
	if slices.ContainsFunc(d.waiting, func(w partLine) bool { return w.Origin == p.Origin }) {
		return errPartTwice
	}
	d.waiting = append(d.waiting, partLine{p, number})
	if d.counted = true; p.Origin != tracker.Nobody && !d.known[p.Origin] {
		d.known[p.Origin], d.changed = true, true
		d.origins.Known = append(d.origins.Known, KnownOrigin{p.Origin, d.now})
	}
	return nil
}

// fold takes in that an origin is folded.
func (d *dumpReader) fold(o tracker.Origin) {
	if d.counted = true; !d.folded[o] {
		d.origins.Folded = append(d.origins.Folded, o)
		d.folded[o], d.known[o], d.changed = true, true, true
	}
}

// alone refuses parts without the line of their torrent.
func (d *dumpReader) alone() {
	for _, p := range d.waiting {
		d.refuse(p.number, errPartAlone)
	}
	d.waiting = d.waiting[:0]
}
