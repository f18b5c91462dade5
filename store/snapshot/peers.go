package snapshot

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"keeptrack/tracker"
)

// The payload of a block of peers is how long after the file's header its peers
// were looked at, in milliseconds, then groups of peers: the info hash, the
// numbers of IPv4 and IPv6 peers, and these. A peer is its compact form and a
// number that has its age in seconds, then its flags in the lowest flagBits.
const flagBits = 3

// The most bytes of a group but for its peers, and of a peer but for its compact
// form.
const (
	maxGroupHead = len(tracker.InfoHash{}) + 2*binary.MaxVarintLen32
	maxPeerTail  = (32 + flagBits + 6) / 7
)

// groupRoom is the most bytes that a group of peers takes.
func groupRoom(peers []tracker.PeerState) int {
	return maxGroupHead + len(peers)*(tracker.CompactSize6+maxPeerTail)
}

// appendGroup appends peers of one torrent.
func appendGroup(dst []byte, peers []tracker.PeerState) []byte {
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
				dst = binary.AppendUvarint(dst, uint64(p.Age)<<flagBits|uint64(p.Flags))
			}
		}
	}
	return dst
}

// run returns the number of peers at the beginning that are of one torrent.
func run(peers []tracker.PeerState) int {
	n := 1
	for n < len(peers) && peers[n].InfoHash == peers[0].InfoHash {
		n++
	}
	return n
}

// errPayload says that a payload is not what its type says, although its checksum
// is right.
var errPayload = errors.New("malformed payload")

// parser reads the payload of a block of peers.
type parser struct {
	rest   []byte
	failed bool
	add    uint64 // seconds to be added to every age
	batch  []tracker.PeerState
	take   func([]tracker.PeerState)
}

// parsePeers calls take with the peers of a payload, in batches that are valid
// until it returns. since is the time from the file's header to now. batch is
// scratch, its capacity the most peers at a time.
func parsePeers(payload []byte, since time.Duration, batch []tracker.PeerState, take func([]tracker.PeerState)) error {
	p := parser{rest: payload, batch: batch[:0], take: take}
	looked := milliseconds(p.number())
	p.add = uint64((max(since-looked, 0) + time.Second - 1) / time.Second)
	for len(p.rest) > 0 && !p.failed {
		p.group()
	}
	p.deliver()
	if p.failed {
		return errPayload
	}
	return nil
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
