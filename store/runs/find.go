package runs

import "bytes"

// Finder looks torrents up in entries, in ascending order of info hash.
type Finder struct {
	cursors []cursor // those of the newest entry first
}

// NewFinder returns a Finder for entries in ascending order of sequence.
func NewFinder(entries []Entry) *Finder {
	f := &Finder{cursors: make([]cursor, 0, 2*len(entries))}
	for i := len(entries) - 1; i >= 0; i-- {
		records, removed := entries[i].cursors()
		f.cursors = append(f.cursors, records, removed)
	}
	return f
}

// Find returns what the newest entry above a sequence that names the torrent
// says of it. No later call may ask for an info hash before h.
func (f *Finder) Find(h []byte, above uint64) (change Change, found bool, err error) {
	for i := range f.cursors {
		c := &f.cursors[i]
		if c.sequence <= above {
			break
		}
		if err := c.named(c.seek(h)); err != nil {
			return Change{}, false, err
		}
		if !c.ended() && bytes.Equal(c.hash(c.at), h) {
			return c.change(), true, nil
		}
	}
	return Change{}, false, nil
}
