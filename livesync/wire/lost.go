package wire

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"
	"time"

	"keeptrack/tracker"
)

// The packets by which instances find out which packets with peers were lost, and get
// what was in them. What an instance has published between two live_sum packets is a
// stretch; its packets are counted from 0 on. Stretches are numbered on from the microseconds
// since 1970 at the start of the instance, so that numbers rise over restarts. Their hashes are the CRC-32C of the whole
// packets of kind KindLive or KindLive6, before they are sealed.
//
//	live_sum    stretch u64, its packets u32, sum of their hashes modulo 1<<32 u32
//	live_ask    target, stretch u64, n × packet u16; without any: for the hashes
//	live_hashes target, stretch u64, its packets u32, first u32, n × hash u32; 0 packets: it is not kept
//	live_again  target, stretch u64, packet u16, part u8, parts u8, n × peer
//	live_stops  n × peer
//
// live_stops has peers that have stopped and that their instance did not have; others may.
// It also has peers that are there in spite of a stop that others have heard of, and have
// completed.
// It is published like the original protocol's packets, and a part of a stretch. A peer of live_again is
// as the sender has it by now, or has stopped. A peer is info hash, address
// of 16 bytes, port u16, flags u8 as in a record, 0, milliseconds ago u32.
const (
	sumSize    = 8 + 4 + 4
	hashesHead = 4 + 8 + 4 + 4
	askHead    = 4 + 8
	againHead  = 4 + 8 + 2 + 1 + 1
	againSize  = 20 + 16 + 2 + 1 + 1 + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// LiveHash returns what stands for a whole packet that is published: of kind KindLive,
// KindLive6 or KindLiveStops, and not sealed.
func LiveHash(packet []byte) uint32 { return crc32.Checksum(packet, castagnoli) }

// LiveHash returns what stands for a packet that was published.
func (p Packet) LiveHash() uint32 { return LiveHash(p.whole) }

// MaxStretch bounds the packets of a stretch.
const MaxStretch = 1 << 14

// validLost reports whether the numbers in a packet of kind KindLiveHashes or
// KindLiveAgain go together.
func (p Packet) validLost() bool {
	if p.Kind == KindLiveAgain {
		part := p.AgainPart()
		return part.Packet < MaxStretch && part.Part < part.Parts
	}
	packets, first := binary.BigEndian.Uint32(p.body[12:]), binary.BigEndian.Uint32(p.body[16:])
	return packets <= MaxStretch && first <= packets && p.Records() <= int(packets-first) && (p.Records() > 0 || packets == 0)
}

// LiveSum is what a packet of kind KindLiveSum says.
type LiveSum struct {
	Stretch      uint64
	Packets, Sum uint32
}

// LiveSum returns what a packet of kind KindLiveSum says.
func (p Packet) LiveSum() LiveSum {
	return LiveSum{binary.BigEndian.Uint64(p.body), binary.BigEndian.Uint32(p.body[8:]), binary.BigEndian.Uint32(p.body[12:])}
}

// AppendLiveSum appends a whole packet of kind KindLiveSum.
func AppendLiveSum(dst []byte, id ID, s LiveSum) []byte {
	dst = binary.BigEndian.AppendUint64(AppendHeader(dst, id, KindLiveSum), s.Stretch)
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(dst, s.Packets), s.Sum)
}

// Stretch returns the stretch that a packet of kind KindLiveAsk, KindLiveHashes or
// KindLiveAgain is about.
func (p Packet) Stretch() uint64 { return binary.BigEndian.Uint64(p.body[4:]) }

// Asked returns entry i of a packet of kind KindLiveAsk, which has Records of them.
func (p Packet) Asked(i int) uint16 { return binary.BigEndian.Uint16(p.body[askHead+2*i:]) }

// appendStretch appends what packets about a stretch begin with.
func appendStretch(dst []byte, k Kind, id, target ID, stretch uint64) []byte {
	return binary.BigEndian.AppendUint64(append(AppendHeader(dst, id, k), target[:]...), stretch)
}

// AppendLiveAsk appends a packet of kind KindLiveAsk with the first of the packets that
// fit into room bytes.
func AppendLiveAsk(dst []byte, id, target ID, stretch uint64, packets []uint16, room int) []byte {
	dst = appendStretch(dst, KindLiveAsk, id, target, stretch)
	for _, n := range packets[:min(len(packets), (room-len(dst))/2)] {
		dst = binary.BigEndian.AppendUint16(dst, n)
	}
	return dst
}

// Hashes returns what a packet of kind KindLiveHashes says: the number of packets in the
// stretch, and the hashes of those from first on, appended to dst.
func (p Packet) Hashes(dst []uint32) (packets, first int, hashes []uint32) {
	for i := range p.Records() {
		dst = append(dst, binary.BigEndian.Uint32(p.body[hashesHead+4*i:]))
	}
	return int(binary.BigEndian.Uint32(p.body[12:])), int(binary.BigEndian.Uint32(p.body[16:])), dst
}

// AppendLiveHashes appends a packet of kind KindLiveHashes with as many of the hashes of a
// stretch, from first on, as fit into room bytes. It returns the first that does not.
func AppendLiveHashes(dst []byte, id, target ID, stretch uint64, hashes []uint32, first, room int) (_ []byte, next int) {
	dst = appendStretch(dst, KindLiveHashes, id, target, stretch)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(hashes)))
	dst = binary.BigEndian.AppendUint32(dst, uint32(first))
	next = min(len(hashes), first+(room-len(dst))/4)
	for _, h := range hashes[first:next] {
		dst = binary.BigEndian.AppendUint32(dst, h)
	}
	return dst, next
}

// AgainPart says what of a packet one of kind KindLiveAgain has.
type AgainPart struct {
	Packet      uint16 // of the stretch
	Part, Parts uint8  // part 0 is the first
}

// AgainPart returns what of a packet one of kind KindLiveAgain has.
func (p Packet) AgainPart() AgainPart {
	return AgainPart{binary.BigEndian.Uint16(p.body[12:]), p.body[14], p.body[15]}
}

// AgainRoom returns how many peers a packet of kind KindLiveAgain of room bytes has room
// for.
func AgainRoom(room int) int { return (room - HeaderSize - againHead) / againSize }

// LivePeer is a peer as an instance has it, or that has stopped.
type LivePeer struct {
	tracker.SyncRecord
	// Ago is the time since its last announce, or since it stopped.
	Ago time.Duration
}

// Again reads peer i of a packet of kind KindLiveAgain or KindLiveStops.
func (p Packet) Again(i int) (r LivePeer) {
	b := p.body[kinds[p.Kind].body+i*againSize:][:againSize]
	r.InfoHash = tracker.InfoHash(b)
	port := binary.BigEndian.Uint16(b[36:])
	if a := netip.AddrFrom16([16]byte(b[20:])); a.Is4In6() {
		r.Peer = tracker.MakePeer4(a.As4(), port)
	} else {
		r.Peer = tracker.MakePeer6(a.As16(), port)
	}
	r.Flags = tracker.SyncFlags(b[38]) & syncFlags
	r.Ago = time.Duration(binary.BigEndian.Uint32(b[40:])) * time.Millisecond
	return r
}

// AppendLiveAgain appends a whole packet of kind KindLiveAgain.
func AppendLiveAgain(dst []byte, id, target ID, stretch uint64, part AgainPart, peers []LivePeer) []byte {
	dst = binary.BigEndian.AppendUint16(appendStretch(dst, KindLiveAgain, id, target, stretch), part.Packet)
	return appendLivePeers(append(dst, part.Part, part.Parts), peers)
}

// StopsRoom returns how many peers a packet of kind KindLiveStops of room bytes has room
// for.
func StopsRoom(room int) int { return (room - HeaderSize) / againSize }

// AppendLiveStops appends a whole packet of kind KindLiveStops.
func AppendLiveStops(dst []byte, id ID, peers []LivePeer) []byte {
	return appendLivePeers(AppendHeader(dst, id, KindLiveStops), peers)
}

func appendLivePeers(dst []byte, peers []LivePeer) []byte {
	for i := range peers {
		r := &peers[i]
		address := r.Peer.Addr().As16()
		dst = append(append(dst, r.InfoHash[:]...), address[:]...)
		dst = binary.BigEndian.AppendUint16(dst, r.Peer.Port())
		dst = append(dst, byte(r.Flags&syncFlags), 0)
		dst = binary.BigEndian.AppendUint32(dst, uint32(min(max(r.Ago, 0)/time.Millisecond, 1<<32-1)))
	}
	return dst
}
