package livesync

import (
	"slices"
	"time"

	"keeptrack/livesync/wire"
)

const (
	// maxHashes bounds the packets of an instance that are remembered until it tells what
	// it has sent: 1.5 MiB.
	maxHashes = 1 << 16
	// maxSearches bounds the stretches of an instance in which packets are looked for at a
	// time.
	maxSearches = 32
	// searchTries is how often something is asked for before it is given up. The pauses
	// between double up to 16 times the first, so that all tries take two minutes and a
	// half: there are many left when a partition is over.
	searchTries = 36
	maxDoubling = 4
	// maxSearchBytes bounds what all searches hold of what they were told: the hashes of
	// 3 million packets.
	maxSearchBytes = 16 << 20
	// hashBytes is what a search holds for a packet until all hashes are known, and
	// missingBytes for one that is missing after that.
	hashBytes, missingBytes = 4 + 1, 2
	// newRun is by how much the number of a stretch differs from that of the last at least
	// if the sender has started again, see newStretches.
	newRun = 1 << 16
)

// lacking is which packets with peers of one instance have not come. This is pure code.
type lacking struct {
	last     uint64         // the number of the last stretch that was told; 0: none yet
	got      map[uint32]int // hashes of packets that came since
	count    uint32         // of them
	sum      uint32
	before   map[uint32]int // those that came before and are of a stretch that is searched
	searches []*search
	gap      time.Time // when it was last found that packets cannot be had again; zero: not since it was asked
	held     int       // bytes, see search.held
	heard    time.Time // when the instance last told
}

// search is for what is lacking of a stretch.
type search struct {
	wire.LiveSum
	began   time.Time
	due     time.Time // when to ask, or to ask again
	tries   int
	hashes  []uint32 // of its packets, as far as they were told
	told    []bool
	left    int              // of them that were not
	missing []uint16         // which packets have not come, once all hashes are known, in order
	parts   map[uint16]uint8 // which parts of them have, in bits
	held    int              // bytes in hashes, told and missing
}

// came takes note of a packet.
func (l *lacking) came(hash uint32) {
	if l.last == 0 || l.count >= maxHashes {
		return
	}
	if l.got == nil {
		l.got = make(map[uint32]int)
	}
	l.got[hash]++
	l.count++
	l.sum += hash
}

// told takes in what a stretch is. If not all of its packets have come, they are looked
// for from after on: some may still be on their way.
func (l *lacking) told(s wire.LiveSum, now, after time.Time) {
	first := l.last == 0
	again := !first && max(s.Stretch, l.last)-min(s.Stretch, l.last) >= newRun
	switch {
	case s.Stretch == 0 || s.Packets == 0 || s.Packets > wire.MaxStretch || s.Stretch <= l.last && !again:
		return
	case first:
		l.last = s.Stretch - 1 // what was sent before, the peers of a newcomer have
	case again:
		for len(l.searches) > 0 {
			l.end(l.searches[0]) // the sender does not keep what the run before sent
		}
		l.last = s.Stretch - 1
	}
	l.heard = now
	const kept = keptIntervals * sumsEach // the sender has no more
	if s.Stretch-l.last > kept {
		l.gap = now
	}
	for n := max(l.last+1, s.Stretch-min(s.Stretch, kept)); n < s.Stretch; n++ {
		l.search(wire.LiveSum{Stretch: n}, now, after)
	}
	l.last = s.Stretch
	if !first && (len(l.searches) > 0 || l.count != s.Packets || l.sum != s.Sum) {
		l.search(s, now, after)
		if l.before == nil {
			l.before = make(map[uint32]int)
		}
		for h, n := range l.got {
			l.before[h] += n
		}
		if len(l.before) > maxHashes {
			for len(l.searches) > 0 {
				l.giveUp(l.searches[0])
			}
		}
	}
	clear(l.got)
	l.count, l.sum = 0, 0
}

func (l *lacking) search(s wire.LiveSum, now, due time.Time) {
	if len(l.searches) == maxSearches {
		l.giveUp(l.searches[0])
	}
	l.searches = append(l.searches, &search{LiveSum: s, began: now, due: due})
}

// giveUp ends a search that has not found what it was for.
func (l *lacking) giveUp(s *search) {
	if s.began.After(l.gap) {
		l.gap = s.began
	}
	l.end(s)
}

// end ends a search. After the last one, what is left of the packets that came before
// were repetitions.
func (l *lacking) end(s *search) {
	l.searches = slices.DeleteFunc(l.searches, func(o *search) bool { return o == s })
	l.hold(s, 0)
	if len(l.searches) == 0 {
		l.before = nil
	}
}

// hold notes how many bytes a search holds from now on.
func (l *lacking) hold(s *search, bytes int) {
	l.held += bytes - s.held
	s.held = bytes
}

// endOldest ends the oldest search that holds something.
func (l *lacking) endOldest() {
	l.giveUp(l.searches[slices.IndexFunc(l.searches, func(s *search) bool { return s.held > 0 })])
}

// find returns the search in a stretch, or nil.
func (l *lacking) find(number uint64) *search {
	for _, s := range l.searches {
		if s.Stretch == number {
			return s
		}
	}
	return nil
}

// listed takes in hashes of a stretch of count packets, those from the first on. Once all
// are known, it is known which packets have not come.
func (l *lacking) listed(number uint64, count, first int, hashes []uint32, now time.Time) {
	s := l.find(number)
	if s == nil || s.missing != nil || count > wire.MaxStretch || first+len(hashes) > count {
		return
	}
	if count == 0 { // it is not kept any more
		l.giveUp(s)
		return
	}
	if s.Packets == 0 {
		s.Packets = uint32(count) // the sum of this stretch was lost
	}
	if int(s.Packets) != count {
		return
	}
	if s.hashes == nil {
		s.hashes, s.told, s.left = make([]uint32, count), make([]bool, count), count
		l.hold(s, count*hashBytes)
	}
	for i, h := range hashes {
		if !s.told[first+i] {
			s.hashes[first+i], s.told[first+i] = h, true
			s.left--
		}
	}
	if s.left == 0 {
		l.compare(s, now)
	}
}

// compare finds the packets of a stretch that have not come. One without any is over.
func (l *lacking) compare(s *search, now time.Time) {
	for i, h := range s.hashes {
		switch {
		case l.before[h] > 1:
			l.before[h]--
		case l.before[h] == 1:
			delete(l.before, h)
		case l.got[h] > 0: // it was late
			l.got[h]--
			l.count--
			l.sum -= h
		default:
			s.missing = append(s.missing, uint16(i))
		}
	}
	s.due, s.tries = now, 0
	s.hashes, s.told = nil, nil
	l.hold(s, len(s.missing)*missingBytes)
	if len(s.missing) == 0 {
		l.end(s)
	}
}

// again takes in that a part of a missing packet has come.
func (l *lacking) again(number uint64, p wire.AgainPart) {
	s := l.find(number)
	if s == nil || p.Parts > 8 {
		return
	}
	i, lacks := slices.BinarySearch(s.missing, p.Packet)
	if !lacks {
		return
	}
	if s.parts == nil {
		s.parts = make(map[uint16]uint8)
	}
	s.parts[p.Packet] |= 1 << p.Part
	if s.parts[p.Packet] != 1<<p.Parts-1 {
		return
	}
	if s.missing = slices.Delete(s.missing, i, i+1); len(s.missing) == 0 {
		l.end(s)
	}
}

// ask returns a search of which something is to be asked for at now, or nil, and gives
// up those that were asked for in vain.
func (l *lacking) ask(now time.Time, retry time.Duration) *search {
	for i := 0; i < len(l.searches); i++ {
		s := l.searches[i]
		if now.Before(s.due) {
			continue
		}
		if s.tries == searchTries {
			l.giveUp(s)
			i--
			continue
		}
		s.tries++
		s.due = now.Add(retry << min(s.tries/3, maxDoubling))
		return s
	}
	return nil
}

// next returns when ask may have something, the zero time if never.
func (l *lacking) next() (next time.Time) {
	for _, s := range l.searches {
		if next.IsZero() || s.due.Before(next) {
			next = s.due
		}
	}
	return next
}
