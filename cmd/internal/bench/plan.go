package bench

import (
	"bufio"
	"encoding/binary"
	"io"

	"keeptrack/tracker"
)

// groupSize is the number of requests in a row that come from one source, so
// that one system call sends them.
const groupSize = 16

// maxScrape is the most info hashes in one scrape; a scrape has any number
// from 1.
const maxScrape = 20

// Plan says what each request of a load is. It is a pure function of the load:
// a request depends on its number and on nothing sent before.
type Plan struct {
	load       Load
	popularity popularity
	kinds      die
	events     die
	seeders    uint64 // shares, in 2^-32
	oldIDs     uint64
}

// Request is one request of a plan.
type Request struct {
	Kind Kind
	// OldID has a UDP request carry a connection id that has been replaced.
	OldID bool
	// InfoHashes are 20 bytes each, one after the other: one to announce, one
	// or more to scrape. The memory is reused by Plan.Request.
	InfoHashes []byte

	// What follows is for announces.

	PeerID [20]byte
	Port   uint16
	Seeder bool
	Event  tracker.Event
	Key    uint32
}

// NewPlan returns the plan of a valid load.
func NewPlan(l Load) *Plan {
	p := &Plan{
		load:    l,
		kinds:   newDie(l.Mix[:]),
		events:  newDie(l.Events[:]),
		seeders: uint64(l.Seeders * (1 << 32)),
		oldIDs:  uint64(l.OldIDs * (1 << 32)),
	}
	if !l.Fill {
		p.popularity = newPopularity(l.Torrents, l.Zipf)
	}
	return p
}

// left returns the bytes that an announce says are missing.
func (r *Request) left() uint64 {
	if r.Seeder {
		return 0
	}
	return 1
}

// Source returns the source that request k comes from.
func (p *Plan) Source(k uint64) int { return int(k / groupSize % uint64(p.load.Sources)) }

// Request sets r to request k, which counts from 0, coming from source.
func (p *Plan) Request(k uint64, source int, r *Request) {
	rng := newRandom(p.load.Seed, k)
	r.InfoHashes = r.InfoHashes[:0]
	r.OldID = rng.next()>>32 < p.oldIDs
	if p.load.Fill {
		torrents := uint64(p.load.Torrents)
		p.announce(r, &rng, source, k%torrents, k/torrents%uint64(p.load.Peers))
		r.Event = tracker.EventStarted
		return
	}
	switch r.Kind = Kind(p.kinds.roll(uint32(rng.next()))); r.Kind {
	case Announce:
		p.announce(r, &rng, source, p.popularity.draw(&rng), rng.below(uint64(p.load.Peers)))
		r.Event = p.event(&rng, r.Seeder)
	case Scrape:
		for range 1 + rng.below(maxScrape) {
			r.InfoHashes = p.appendInfoHash(r.InfoHashes, p.popularity.draw(&rng))
		}
	}
}

// announce sets everything but the event. A peer is a seeder of a torrent or a
// leecher, and stays so.
func (p *Plan) announce(r *Request, rng *random, source int, torrent, port uint64) {
	r.Kind = Announce
	r.InfoHashes = p.appendInfoHash(r.InfoHashes, torrent)
	r.Port = uint16(firstPort + port)
	r.Key = uint32(rng.next())
	peer := uint64(source)<<16 | uint64(r.Port)
	copy(r.PeerID[:], "-KT0001-")
	binary.BigEndian.PutUint64(r.PeerID[12:], peer)
	role := newRandom(p.load.Seed, mix64(torrent)^peer)
	r.Seeder = role.next()>>32 < p.seeders
}

// event draws an event. Only seeders complete.
func (p *Plan) event(rng *random, seeder bool) tracker.Event {
	e := tracker.Event(p.events.roll(uint32(rng.next())))
	if e == tracker.EventCompleted && !seeder {
		return tracker.EventNone
	}
	return e
}

func (p *Plan) appendInfoHash(dst []byte, torrent uint64) []byte {
	h := infoHash(p.load.Seed, torrent)
	return append(dst, h[:]...)
}

// infoHash returns the info hash of a torrent, which is counted from 0.
func infoHash(seed, torrent uint64) (h tracker.InfoHash) {
	r := newRandom(^seed, torrent)
	binary.BigEndian.PutUint64(h[:], r.next())
	binary.BigEndian.PutUint64(h[8:], r.next())
	binary.BigEndian.PutUint32(h[16:], uint32(r.next()))
	return h
}

// WriteHashes writes the info hashes of a valid load's torrents, 40 hexadecimal
// digits a line: what an access list for that load has to hold.
func WriteHashes(w io.Writer, l Load) error {
	b := bufio.NewWriter(w)
	for i := range l.Torrents {
		b.WriteString(infoHash(l.Seed, uint64(i)).String())
		b.WriteByte('\n')
	}
	return b.Flush()
}
