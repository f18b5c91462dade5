package exact

import (
	"slices"
	"time"

	"keeptrack/tracker"
)

// recentMessages is how far the messages of a member are remembered with their parts,
// to tell its root as of a message before.
const recentMessages = 256

// maxRecent bounds the parts that are remembered with their messages.
const maxRecent = 1 << 15

// maxBeyond bounds the messages beyond a gap that are remembered.
const maxBeyond = 4096

// received is which messages with parts came from a member.
type received struct {
	begun  bool
	upto   uint64 // all up to this one came, or are counted as had
	beyond map[uint64]bool
	recent []counted // in order of arrival
	unsure uint64    // parts of messages up to this one may be missing in recent
	gap    time.Time // since when a message is missing, or when it was last asked for
}

// counted is a part that came with a message.
type counted struct {
	number uint64
	hash   tracker.InfoHash
	value  uint64
	before uint64 // what this instance had until then
}

// lacks reports whether a message has not come yet.
func (r *received) lacks(number uint64) bool { return !r.begun || number > r.upto && !r.beyond[number] }

// count notes a part of a message, before it is taken in.
func (r *received) count(c counted) {
	if len(r.recent) == maxRecent {
		r.unsure = max(r.unsure, c.number)
		return
	}
	r.recent = append(r.recent, c)
}

// take notes a message.
func (r *received) take(p *Parts, now time.Time) {
	if !r.begun {
		r.begun, r.upto = true, p.Number-1
	}
	if p.Number > r.upto && len(r.beyond) < maxBeyond {
		if len(r.beyond) == 0 && p.Number > r.upto+1 {
			r.gap = now
		}
		if r.beyond == nil {
			r.beyond = make(map[uint64]bool)
		}
		r.beyond[p.Number] = true
	}
	r.advance()
}

// told takes in what a hello says: which number was sent last, and which is the first
// that can be sent again.
func (r *received) told(number, oldest uint64, now time.Time) {
	if !r.begun {
		r.begun, r.upto = true, number // what came before comes by digest
	}
	if oldest > r.upto+1 {
		r.upto = oldest - 1
		for n := range r.beyond {
			if n <= r.upto {
				delete(r.beyond, n)
			}
		}
	}
	r.advance()
	if r.upto < number && len(r.beyond) == 0 {
		r.gap = now
	}
}

func (r *received) advance() {
	for r.beyond[r.upto+1] {
		r.upto++
		delete(r.beyond, r.upto)
	}
	if len(r.recent) > 0 && r.recent[0].number+2*recentMessages < r.upto {
		r.recent = slices.DeleteFunc(r.recent, func(c counted) bool { return c.number+recentMessages < r.upto })
	}
}

// missing returns up to n numbers that have not come, of those up to number and those
// before one that came.
func (r *received) missing(number uint64, n int) (numbers []uint64) {
	for b := range r.beyond {
		number = max(number, b)
	}
	for k := r.upto + 1; k <= number && len(numbers) < n; k++ {
		if !r.beyond[k] {
			numbers = append(numbers, k)
		}
	}
	return numbers
}

// asOf returns the member's parts as of a message, of those torrents of which parts
// came in later ones. All messages up to that one must have come. What came with them is
// either what this instance had when the first of the later ones came, or came since.
func (r *received) asOf(number uint64) map[tracker.InfoHash]uint64 {
	var parts map[tracker.InfoHash]uint64
	for _, c := range r.recent {
		if c.number <= number {
			continue
		}
		if parts == nil {
			parts = make(map[tracker.InfoHash]uint64)
		}
		if v, ok := parts[c.hash]; !ok || c.before < v {
			parts[c.hash] = c.before
		}
	}
	for _, c := range r.recent {
		if v, ok := parts[c.hash]; ok && c.number <= number && c.value > v {
			parts[c.hash] = c.value
		}
	}
	return parts
}
