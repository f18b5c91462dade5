package tracker

import (
	"encoding/binary"
	"math/bits"
)

// mix hashes a word with a secret seed, so that nobody can choose info hashes
// or peers that collide.
func mix(a, b, seed uint64) uint64 {
	hi, lo := bits.Mul64(a^seed, b^0x9e3779b97f4a7c15^bits.RotateLeft64(seed, 32))
	return hi ^ lo
}

// hashNetwork returns the hash of the network at a level that n lies in. It mixes
// twice: of networks in a row, the parts of a product by one number are alike.
func hashNetwork(n Network, level int, seed uint64) uint64 {
	return mix(mix(uint64(n)>>(levelBits*level), uint64(level), seed), uint64(level), seed)
}

// hashTorrent returns the hash of an info hash, for the shard's index.
func hashTorrent(h *InfoHash, seed uint64) uint64 {
	x := mix(binary.LittleEndian.Uint64(h[:]), binary.LittleEndian.Uint64(h[8:]), seed)
	return mix(x, uint64(binary.LittleEndian.Uint32(h[16:])), seed)
}

// hashKey returns the hash of a peer, for the index of a large list.
func hashKey[K key](k *K, seed uint64) uint64 {
	b := keyBytes(k)
	last := uint64(binary.LittleEndian.Uint16(b[len(b)-2:])) // the port
	if len(b) == CompactSize4 {
		return mix(uint64(binary.LittleEndian.Uint32(b)), last, seed)
	}
	x := mix(binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:]), seed)
	return mix(x, last, seed)
}
