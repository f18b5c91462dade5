package otstats

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"keeptrack/tracker"
)

// appendTop appends the k torrents with most peers and the k with most seeds.
// Those without any are left out; of equal ones the lesser info hash is first.
func appendTop(dst []byte, s Source, k int) []byte {
	var peers, seeds ranking
	for t := range s.ScrapeAll() {
		peers.add(ranked{uint64(t.Counts.Seeders) + uint64(t.Counts.Leechers), t.InfoHash}, k)
		seeds.add(ranked{uint64(t.Counts.Seeders), t.InfoHash}, k)
	}
	dst = peers.append(dst, k, "peers")
	return seeds.append(dst, k, "seeds")
}

// ranked is a torrent in a ranking.
type ranked struct {
	count uint64
	hash  tracker.InfoHash
}

func (r ranked) compare(o ranked) int {
	return cmp.Or(cmp.Compare(o.count, r.count), bytes.Compare(r.hash[:], o.hash[:]))
}

// ranking has the first k of all that were added, in order.
type ranking []ranked

func (r *ranking) add(t ranked, k int) {
	if t.count == 0 || len(*r) == k && t.compare((*r)[k-1]) > 0 {
		return
	}
	at, _ := slices.BinarySearchFunc(*r, t, ranked.compare)
	*r = slices.Insert(*r, at, t)
	*r = (*r)[:min(len(*r), k)]
}

func (r ranking) append(dst []byte, k int, what string) []byte {
	dst = fmt.Appendf(dst, "Top %d torrents by %s:\n", k, what)
	for _, t := range r {
		dst = fmt.Appendf(dst, "\t%d\t%X\n", t.count, t.hash[:])
	}
	return dst
}
