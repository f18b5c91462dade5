package tracker

import (
	"encoding/binary"
	"unsafe"
)

// key4 and key6 are a peer in compact form, which is also how it is stored.
type (
	key4 [CompactSize4]byte
	key6 [CompactSize6]byte
)

type key interface{ key4 | key6 }

// entry is a stored peer: 8 bytes for IPv4, 20 for IPv6.
type entry[K key] struct {
	key  K
	meta uint16 // flags, and the tick of the last announce in the low tickBits
}

// entryBytes returns the size of a stored peer.
func entryBytes[K key]() int64 { return int64(unsafe.Sizeof(entry[K]{})) }

const entrySize4 = int(unsafe.Sizeof(entry[key4]{}))

// Flags of a stored peer. Whether it seeds is told by its place in the list.
const (
	metaCompleted uint16 = 1 << 15 // its completed download has been counted
	metaPaused    uint16 = 1 << 14 // its last event was paused (BEP 21)
)

func (e *entry[K]) tick() uint16 { return e.meta & tickMask }

// keyBytes returns the bytes of k, aliasing it.
func keyBytes[K key](k *K) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(k)), unsafe.Sizeof(*k))
}

// networkOf returns the network of the peer k.
func networkOf[K key](k *K) Network {
	b := keyBytes(k)
	if len(b) == CompactSize4 {
		return network4(binary.BigEndian.Uint32(b))
	}
	return Network(binary.BigEndian.Uint64(b))
}

// equalKeys says whether a and b are the same peer. For IPv6 it compares words,
// those that differ most often first, where == would call a function.
func equalKeys[K key](a, b *K) bool {
	x, y := keyBytes(a), keyBytes(b)
	if len(x) == CompactSize4 {
		return *a == *b
	}
	return binary.LittleEndian.Uint64(x[8:]) == binary.LittleEndian.Uint64(y[8:]) &&
		binary.LittleEndian.Uint64(x) == binary.LittleEndian.Uint64(y) &&
		binary.LittleEndian.Uint16(x[16:]) == binary.LittleEndian.Uint16(y[16:])
}

func (p *Peer) key4() (k key4) {
	copy(k[:4], p.addr[:4])
	k[4], k[5] = byte(p.port>>8), byte(p.port)
	return k
}

func (p *Peer) key6() (k key6) {
	copy(k[:16], p.addr[:])
	k[16], k[17] = byte(p.port>>8), byte(p.port)
	return k
}

// peerOf returns the peer whose key k is.
func peerOf[K key](k *K) (p Peer) {
	b := keyBytes(k)
	last := len(b) - 2
	copy(p.addr[:], b[:last])
	p.port = binary.BigEndian.Uint16(b[last:])
	if len(b) == CompactSize6 {
		p.family = IPv6
	}
	return p
}
