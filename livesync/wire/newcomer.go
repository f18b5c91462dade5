package wire

import (
	"encoding/binary"
	"time"

	"keeptrack/tracker"
	"keeptrack/tracker/peergroup"
)

// The packets by which a newcomer gets the peers of the group. Those for one instance
// begin with its id. What belongs to one stream of peers has the number that the
// newcomer drew when it asked.
//
//	hello      peers u64, seconds since the start u32, flags u8
//	peers_ask  target, stream u32
//	peers      target, stream u32, number u32, seconds u16, groups of peers
//	peers_end  target, stream u32, number u32
//	peers_have target, stream u32, end u32, missing n × u32
//
// The packets of a stream are numbered from 0 on, peers_end as the last one. seconds is
// to be added to every age in the groups. peers_have says that all packets with numbers
// below end have arrived but for those listed, in ascending order.
const (
	helloSize = 8 + 4 + 1
	peersHead = 4 + 4 + 4 + 2

	peersSeconds = HeaderSize + 4 + 4 + 4 // where seconds is
)

// Flags of a hello.
const (
	helloAsks    = 1 << 0
	helloFilling = 1 << 1
)

// Hello is what an instance says of itself.
type Hello struct {
	// Peers is the number of peers that it has.
	Peers uint64
	// Up is the time since its start, in whole seconds.
	Up time.Duration
	// Asks has every other instance answer with its own.
	Asks bool
	// Filling says that the group's peers are still on their way to it.
	Filling bool
}

// Hello returns what a packet of kind KindHello says.
func (p Packet) Hello() Hello {
	return Hello{
		Peers:   binary.BigEndian.Uint64(p.body),
		Up:      time.Duration(binary.BigEndian.Uint32(p.body[8:])) * time.Second,
		Asks:    p.body[12]&helloAsks != 0,
		Filling: p.body[12]&helloFilling != 0,
	}
}

// AppendHello appends a whole packet of kind KindHello.
func AppendHello(dst []byte, id ID, h Hello) []byte {
	flags := byte(0)
	if h.Asks {
		flags |= helloAsks
	}
	if h.Filling {
		flags |= helloFilling
	}
	dst = binary.BigEndian.AppendUint64(AppendHeader(dst, id, KindHello), h.Peers)
	return append(binary.BigEndian.AppendUint32(dst, uint32(h.Up/time.Second)), flags)
}

// Stream returns the number of the stream that a packet of kind KindAsk, KindPeers,
// KindPeersEnd or KindHave belongs to.
func (p Packet) Stream() uint32 { return binary.BigEndian.Uint32(p.body[4:]) }

// Number returns the number of a packet of kind KindPeers or KindPeersEnd in its stream,
// and of KindHave the end of what is told.
func (p Packet) Number() uint32 { return binary.BigEndian.Uint32(p.body[8:]) }

// Missing returns entry i of a packet of kind KindHave, which has Records of them.
func (p Packet) Missing(i int) uint32 { return binary.BigEndian.Uint32(p.body[12+4*i:]) }

// Peers calls take with the peers of a packet of kind KindPeers, with their ages as of
// now, in batches that are valid until it returns. batch is scratch, its capacity the
// most peers at a time.
func (p Packet) Peers(batch []tracker.PeerState, take func([]tracker.PeerState)) {
	// Parse has seen that there is no error.
	_ = peergroup.Parse(p.body[peersHead:], uint64(binary.BigEndian.Uint16(p.body[12:])), batch, take)
}

// appendStream appends what packets of a stream begin with.
func appendStream(dst []byte, k Kind, id, target ID, stream uint32) []byte {
	return binary.BigEndian.AppendUint32(append(AppendHeader(dst, id, k), target[:]...), stream)
}

// AppendAsk appends a whole packet of kind KindAsk.
func AppendAsk(dst []byte, id, target ID, stream uint32) []byte {
	return appendStream(dst, KindAsk, id, target, stream)
}

// AppendPeers appends the beginning of a packet of kind KindPeers, to which groups of
// peers are to be added. Their ages are as of now, until SetSeconds says otherwise.
func AppendPeers(dst []byte, id, target ID, stream, number uint32) []byte {
	dst = binary.BigEndian.AppendUint32(appendStream(dst, KindPeers, id, target, stream), number)
	return append(dst, 0, 0)
}

// SetSeconds makes the ages in a packet of kind KindPeers ones as of a time before it is
// sent. The time is rounded up to seconds.
func SetSeconds(packet []byte, ago time.Duration) {
	seconds := (max(ago, 0) + time.Second - 1) / time.Second
	binary.BigEndian.PutUint16(packet[peersSeconds:], uint16(min(seconds, 1<<16-1)))
}

// AppendPeersEnd appends a whole packet of kind KindPeersEnd.
func AppendPeersEnd(dst []byte, id, target ID, stream, number uint32) []byte {
	return binary.BigEndian.AppendUint32(appendStream(dst, KindPeersEnd, id, target, stream), number)
}

// AppendHave appends a whole packet of kind KindHave.
func AppendHave(dst []byte, id, target ID, stream, end uint32, missing []uint32) []byte {
	dst = binary.BigEndian.AppendUint32(appendStream(dst, KindHave, id, target, stream), end)
	for _, n := range missing {
		dst = binary.BigEndian.AppendUint32(dst, n)
	}
	return dst
}
