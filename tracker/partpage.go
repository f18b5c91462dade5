package tracker

import (
	"encoding/binary"
	"slices"
	"time"
)

// Page appends up to limit records of parts of an origin, or nobody's, in order of info
// hash, from the first that is not before from to those of range last, the first two
// bytes of an info hash. It returns whether there are more.
//
// A part that is new since pageFresh, or since pageLife where a call goes on within a
// range, may be missing.
func (p *Parts) Page(now time.Time, o Origin, from InfoHash, last uint16, limit int, dst []PartRecord) (_ []PartRecord, more bool) {
	origin, ok := p.t.names.find(o)
	if !ok && o != Nobody {
		return dst, false
	}
	c := p.pages.of(o, now)
	end := len(dst) + limit
	for at := &from; leafOf(at) <= last; {
		hashes, over := c.block(p.t, origin, *at, now)
		for i := range hashes {
			h := &hashes[i]
			if leafOf(h) > last {
				return dst, false
			}
			r, ok := p.record(now, origin, h)
			if ok && len(dst) == end {
				return dst, true
			} else if ok {
				dst = append(dst, r)
			}
		}
		next, ok := over.Next()
		if !ok {
			break
		}
		at = &next
	}
	return dst, false
}

// record returns the record of a torrent, and whether it has a part of an origin, or
// nobody's, which excessRow stands for.
func (p *Parts) record(now time.Time, origin uint16, h *InfoHash) (r PartRecord, ok bool) {
	p.t.look(h, func(s *shard, i uint32) {
		last := time.Unix(int64(s.torrents.at(i).lastAnnounce)*60, 0)
		r = PartRecord{InfoHash: *h, Value: s.part(i, origin), Age: max(now.Sub(last), 0), Kept: s.keptForParts(i)}
	})
	return r, r.Value > 0
}

// Who wants all records of a subject, an origin or Nobody, asks for small pages of many
// blocks of info hashes at the same time. A walk through all torrents gathers the next
// pageBlock hashes of several blocks, of one at first, then of up to pageWindow. They are
// kept for pageLife. Who begins with a range gets them if they were gathered within
// pageFresh: this may be to find what was missing the last time.
const (
	pageBlock    = minPage
	pageWindow   = maxPage / minPage
	pageGrowth   = 8
	pageLife     = 10 * time.Second
	pageFresh    = 2 * time.Second
	pageSubjects = 4
	pageBlocks   = 1 << 8 // the first byte of an info hash names one
)

// pageCache has the hashes of the subjects that were asked for last, that of the last
// call last.
type pageCache struct{ subjects []*subjectPages }

// subjectPages has hashes of torrents that have a part of a subject, by block.
type subjectPages struct {
	subject Origin
	used    time.Time
	window  int
	blocks  [pageBlocks]pageOfBlock
}

// pageOfBlock has the hashes, in order, of all torrents of a block that are not before
// from, up to over.
type pageOfBlock struct {
	from, over  InfoHash
	hashes      []InfoHash
	taken, used time.Time
	rest        int // hashes that have not been asked for
}

// of returns what there is of a subject, and forgets what nobody asks for any more.
func (c *pageCache) of(o Origin, now time.Time) *subjectPages {
	var s *subjectPages
	c.subjects = slices.DeleteFunc(c.subjects, func(x *subjectPages) bool {
		if x.subject == o {
			s = x
		}
		return x.subject == o || now.Sub(x.used) > pageLife
	})
	if s == nil || now.Sub(s.used) > pageLife {
		s = &subjectPages{subject: o, window: 1}
	}
	if len(c.subjects) == pageSubjects {
		c.subjects = slices.Delete(c.subjects, 0, 1)
	}
	s.used = now
	c.subjects = append(c.subjects, s)
	return s
}

// block returns the hashes from one on, and up to which one they are all.
func (c *subjectPages) block(t *Tracker, origin uint16, from InfoHash, now time.Time) (hashes []InfoHash, over InfoHash) {
	b := &c.blocks[from[0]]
	if !b.has(&from, now) {
		c.gather(t, origin, from, now)
	}
	at, _ := slices.BinarySearchFunc(b.hashes, from, func(h, from InfoHash) int { return compareHashes(&h, &from) })
	b.used, b.rest = now, len(b.hashes)-at
	return b.hashes[at:], b.over
}

// has says that the hashes from one on are there.
func (b *pageOfBlock) has(from *InfoHash, now time.Time) bool {
	age, life := now.Sub(b.taken), pageLife
	if *from == firstInLeaf(leafOf(from)) {
		life = pageFresh
	}
	return age >= 0 && age <= life && compareHashes(from, &b.from) >= 0 && compareHashes(from, &b.over) <= 0
}

// active says that hashes of the block are being asked for.
func (b *pageOfBlock) active(now time.Time) bool {
	return b.rest > 0 && !b.used.IsZero() && now.Sub(b.used) <= pageLife
}

// gather walks through all torrents for the hashes from one on, of its block and of
// others in which there is soon nothing left.
func (c *subjectPages) gather(t *Tracker, origin uint16, from InfoHash, now time.Time) {
	pages := c.plan(from, now)
	add := func(h *InfoHash) {
		if p := pages[h[0]]; p != nil {
			p.add(h)
		}
	}
	room := func() {
		for _, p := range pages {
			if p != nil {
				p.room()
			}
		}
	}
	for n := range t.shards {
		s := &t.shards[n]
		if origin != excessRow {
			s.walkParts(func(i uint32, of []part) {
				for k := range of {
					if of[k].origin == origin && pages[of[k].leaf>>8] != nil {
						add(&s.torrents.at(i).hash)
					}
				}
			}, room)
			continue
		}
		s.walk(func(i uint32, _ int) (int, bool) {
			if torrent := s.torrents.at(i); torrent.downloaded > 0 {
				add(&torrent.hash)
			}
			return 0, false
		}, room)
	}
	for b, p := range pages {
		if p != nil {
			c.blocks[b].fill(p, uint8(b), now)
		}
	}
	c.window = min(c.window*pageGrowth, pageWindow)
}

// plan returns the pages to gather, by block.
func (c *subjectPages) plan(from InfoHash, now time.Time) (pages [pageBlocks]*page) {
	left := c.window
	take := func(from InfoHash) {
		pages[from[0]] = &page{from: from, limit: pageBlock}
		left--
	}
	take(from)
	for b := range c.blocks { // those that are being asked for
		block := &c.blocks[b]
		if left > 0 && pages[b] == nil && block.active(now) && block.rest < pageBlock/2 && block.over != lastInBlock(uint8(b)) {
			take(block.hashes[len(block.hashes)-block.rest])
		}
	}
	for b := int(from[0]) + 1; left > 0 && b < pageBlocks; b++ { // those that come next
		first := InfoHash{byte(b)}
		if pages[b] == nil && !c.blocks[b].active(now) && !c.blocks[b].has(&first, now) {
			take(first)
		}
	}
	return pages
}

// fill takes in what a page has gathered of a block.
func (b *pageOfBlock) fill(p *page, block uint8, now time.Time) {
	p.cut()
	*b = pageOfBlock{from: p.from, over: lastInBlock(block), hashes: slices.Clone(p.hashes), taken: now, used: b.used}
	if p.full {
		b.over = p.last
	}
	b.rest = len(b.hashes)
}

// firstInLeaf returns the lowest info hash of a range.
func firstInLeaf(leaf uint16) (h InfoHash) {
	binary.BigEndian.PutUint16(h[:], leaf)
	return h
}

// lastInBlock returns the last info hash of a block.
func lastInBlock(block uint8) (h InfoHash) {
	for i := range h {
		h[i] = 0xff
	}
	h[0] = block
	return h
}
