// Package peergroup writes and reads peers, grouped by torrent, in the form that
// the snapshot of the peers and the stream for a newcomer share: docs/internals/format.md has
// the bytes. It holds no state.
package peergroup

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"

	"keeptrack/tracker"
)

// A group is the info hash, the numbers of IPv4 and IPv6 peers, and these. A peer
// is its compact form and a number that has its age in seconds, then its flags in
// the lowest flagBits. Numbers are unsigned LEB128.
const flagBits = 3

// The most bytes of a group but for its peers, and of a peer but for its compact
// form.
const (
	maxHead     = len(tracker.InfoHash{}) + 2*binary.MaxVarintLen32
	maxPeerTail = (32 + flagBits + 6) / 7
)

// Largest is the most bytes that a group of one peer takes.
const Largest = len(tracker.InfoHash{}) + 1 + 1 + tracker.CompactSize6 + maxPeerTail

// Room is the most bytes that a group of these peers takes.
func Room(peers []tracker.PeerState) int {
	return maxHead + len(peers)*(tracker.CompactSize6+maxPeerTail)
}

// Fit returns how many of the peers, which are of one torrent, a group of at most
// room bytes can hold: the first that it returns.
func Fit(peers []tracker.PeerState, room int) int {
	size := len(tracker.InfoHash{})
	var counts [2]int
	for i := range peers {
		f := peers[i].Peer.Family()
		counts[f]++
		size += f.CompactSize() + numberSize(tail(&peers[i]))
		if size+numberSize(uint64(counts[0]))+numberSize(uint64(counts[1])) > room {
			return i
		}
	}
	return len(peers)
}

// tail returns the number that follows a peer's compact form.
func tail(p *tracker.PeerState) uint64 { return uint64(p.Age)<<flagBits | uint64(p.Flags) }

// numberSize returns how many bytes a number takes.
func numberSize(n uint64) int { return (bits.Len64(n|1) + 6) / 7 }

// Append appends a group of peers, which are of one torrent; there is one at least.
func Append(dst []byte, peers []tracker.PeerState) []byte {
	n6 := 0
	for i := range peers {
		n6 += int(peers[i].Peer.Family())
	}
	dst = append(dst, peers[0].InfoHash[:]...)
	dst = binary.AppendUvarint(dst, uint64(len(peers)-n6))
	dst = binary.AppendUvarint(dst, uint64(n6))
	for _, family := range [...]tracker.Family{tracker.IPv4, tracker.IPv6} {
		for i := range peers {
			if p := &peers[i]; p.Peer.Family() == family {
				dst = p.Peer.AppendCompact(dst)
				dst = binary.AppendUvarint(dst, tail(p))
			}
		}
	}
	return dst
}

// Run returns the number of peers at the beginning that are of one torrent.
func Run(peers []tracker.PeerState) int {
	n := 1
	for n < len(peers) && peers[n].InfoHash == peers[0].InfoHash {
		n++
	}
	return n
}

// ErrMalformed says that what is read is not groups of peers.
var ErrMalformed = errors.New("malformed groups of peers")

// parser reads groups.
type parser struct {
	rest   []byte
	failed bool
	add    uint64 // seconds to be added to every age
	batch  []tracker.PeerState
	take   func([]tracker.PeerState)
}

// Parse calls take with the peers of b, which holds groups and nothing else, in
// batches that are valid until it returns. add is a number of seconds to be added to
// every age. batch is scratch, its capacity the most peers at a time. After an error,
// which is ErrMalformed, peers may have been taken.
func Parse(b []byte, add uint64, batch []tracker.PeerState, take func([]tracker.PeerState)) error {
	p := parser{rest: b, add: add, batch: batch[:0], take: take}
	for len(p.rest) > 0 && !p.failed {
		p.group()
	}
	p.deliver()
	if p.failed {
		return ErrMalformed
	}
	return nil
}

// Count returns how many peers b holds, or ErrMalformed.
func Count(b []byte) (n int, err error) {
	var batch [64]tracker.PeerState
	err = Parse(b, 0, batch[:0], func(some []tracker.PeerState) { n += len(some) })
	return n, err
}

func (p *parser) group() {
	var h tracker.InfoHash
	copy(h[:], p.bytes(len(h)))
	n4, n6 := p.number(), p.number()
	for ; n4 > 0 && !p.failed; n4-- {
		if b := p.bytes(tracker.CompactSize4); b != nil {
			p.peer(h, tracker.MakePeer4([4]byte(b), binary.BigEndian.Uint16(b[4:])))
		}
	}
	for ; n6 > 0 && !p.failed; n6-- {
		if b := p.bytes(tracker.CompactSize6); b != nil {
			p.peer(h, tracker.MakePeer6([16]byte(b), binary.BigEndian.Uint16(b[16:])))
		}
	}
}

// peer reads what follows the compact form of a peer.
func (p *parser) peer(h tracker.InfoHash, peer tracker.Peer) {
	n := p.number()
	if p.failed {
		return
	}
	age := n>>flagBits + p.add
	p.batch = append(p.batch, tracker.PeerState{
		InfoHash: h, Peer: peer,
		Age: uint32(min(age, math.MaxUint32)), Flags: tracker.PeerFlags(n & (1<<flagBits - 1)),
	})
	if len(p.batch) == cap(p.batch) {
		p.deliver()
	}
}

func (p *parser) deliver() {
	if len(p.batch) > 0 {
		p.take(p.batch)
		p.batch = p.batch[:0]
	}
}

// bytes reads n bytes, nil if there are fewer.
func (p *parser) bytes(n int) []byte {
	if len(p.rest) < n {
		p.failed = true
		return nil
	}
	b := p.rest[:n]
	p.rest = p.rest[n:]
	return b
}

// number reads a variable-length number, 0 if there is none.
func (p *parser) number() uint64 {
	n, size := binary.Uvarint(p.rest)
	if size <= 0 {
		p.failed = true
		return 0
	}
	p.rest = p.rest[size:]
	return n
}
