package main

import (
	"fmt"
	"math/rand/v2"

	"keeptrack/tracker"
)

// The first torrents of the book are those that the access list is about. They
// have counts and nobody announces them, so that a scrape tells whether they are
// refused.
const overridden = 60

// standing is how the override of a torrent stands.
type standing uint8

const (
	leftToFile standing = iota // there is none
	added
	removed
	standings = iota
)

func (s standing) String() string {
	return [standings]string{"left to the file", "added", "taken off"}[s]
}

// change of an override.
type change struct {
	torrent int
	to      standing
}

// inList says whether the list's file has a torrent: every other one.
func inList(torrent int) bool { return torrent%2 == 0 }

// refuses says whether the torrent is refused after the change.
func (c change) refuses() bool { return c.to == added || c.to == leftToFile && inList(c.torrent) }

// overrides is the book of the overrides of the access list that a daemon has
// acknowledged. One change is asked for at a time.
type overrides struct {
	hashes []tracker.InfoHash
	// acked is what was acknowledged last or, if later, found at a restart.
	acked []standing
	asked *change // that has not been acknowledged; nil if there is none

	acknowledged, unanswered, kept int // changes; kept are those unanswered ones that were found
}

func newOverrides(b *book) *overrides {
	o := &overrides{acked: make([]standing, overridden)}
	for _, a := range b.accounts[:overridden] {
		o.hashes = append(o.hashes, a.hash)
	}
	return o
}

// file returns the list's file.
func (o *overrides) file() (text []byte) {
	for i, h := range o.hashes {
		if inList(i) {
			text = fmt.Appendf(text, "%s\n", h)
		}
	}
	return text
}

// refused returns the torrents that are refused.
func (o *overrides) refused() map[tracker.InfoHash]bool {
	all := map[tracker.InfoHash]bool{}
	for i, h := range o.hashes {
		all[h] = change{i, o.acked[i]}.refuses()
	}
	return all
}

// draw chooses a change.
func (o *overrides) draw(rng *rand.Rand) change {
	i := rng.IntN(len(o.hashes))
	return change{i, (o.acked[i] + 1 + standing(rng.IntN(standings-1))) % standings}
}

// acknowledge notes that the change asked for is acknowledged.
func (o *overrides) acknowledge() {
	o.acked[o.asked.torrent] = o.asked.to
	o.asked = nil
	o.acknowledged++
}

// compareCount holds the number of overrides in the file against the book.
func (o *overrides) compareCount(n int) error {
	least := 0
	for _, s := range o.acked {
		if s != leftToFile {
			least++
		}
	}
	most := least
	if c := o.asked; c != nil {
		switch {
		case o.acked[c.torrent] == leftToFile:
			most++
		case c.to == leftToFile:
			least--
		}
	}
	if n < least || n > most {
		return fmt.Errorf("the file has %d overrides of the access list, acknowledged are %d to %d", n, least, most)
	}
	return nil
}

// compare holds the overrides that a daemon just started has against the book,
// and goes on from them if they are right: the one not acknowledged may be there
// or not.
func (o *overrides) compare(found map[tracker.InfoHash]standing) error {
	now := make([]standing, len(o.acked))
	var all findings
	for i, h := range o.hashes {
		now[i] = found[h]
		delete(found, h)
		if was := o.acked[i]; now[i] != was && (o.asked == nil || *o.asked != change{i, now[i]}) {
			all.add(fmt.Errorf("torrent %s is %s, acknowledged is that it is %s", h, now[i], was))
		}
	}
	for h, s := range found {
		all.add(fmt.Errorf("torrent %s is %s, which nobody has asked for", h, s))
	}
	if err := all.err(); err != nil {
		return err
	}
	if o.asked != nil {
		o.unanswered++
		if now[o.asked.torrent] == o.asked.to {
			o.kept++
		}
	}
	o.acked, o.asked = now, nil
	return nil
}

func (o *overrides) String() string {
	return fmt.Sprintf("%d overrides acknowledged, %d not answered before a kill, %d of them kept", o.acknowledged, o.unanswered, o.kept)
}
