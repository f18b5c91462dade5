package livesync

import (
	"encoding/binary"

	"golang.org/x/crypto/chacha20poly1305"
)

// A sealed packet holds another packet, encrypted and authenticated with
// XChaCha20-Poly1305. Numbers are big-endian, as everywhere.
//
//	offset  size
//	0       4     id of the sender, as in every packet
//	4       4     type, 0x100
//	8       8     sequence: when it was sealed, see sequence
//	16      16    drawn at random
//	32      n     type and body of the packet inside, encrypted
//	32+n    16    authentication tag
//
// The nonce is the sequence with the random bytes, and the first 8 bytes are
// authenticated as additional data, so that no byte can be changed.
const (
	typeSealed = 0x100
	nonceSize  = chacha20poly1305.NonceSizeX
	sealedBody = HeaderSize + nonceSize

	// SealOverhead is the number of bytes by which a packet grows when it is
	// sealed.
	SealOverhead = nonceSize + 4 + chacha20poly1305.Overhead
)

// Sealed says whether a packet is of the sealed type. Short packets are not.
func Sealed(b []byte) bool {
	return len(b) >= HeaderSize && binary.BigEndian.Uint32(b[4:]) == typeSealed
}

// seal appends packet, sealed with the first key. The nonce must not have been
// used with that key.
func (k *Keys) seal(dst, packet []byte, nonce *[nonceSize]byte) []byte {
	at := len(dst)
	dst = append(dst, packet[:4]...)
	dst = binary.BigEndian.AppendUint32(dst, typeSealed)
	dst = append(dst, nonce[:]...)
	return k.ciphers[0].Seal(dst, nonce[:], packet[4:], dst[at:at+HeaderSize])
}

// Open opens a sealed packet with whichever key fits. It appends the packet
// inside to dst, which must not overlap b, and returns it with its sequence.
// The Drop is DropNone, DropBadLength or DropSealedBad.
func (k *Keys) Open(dst, b []byte) (packet []byte, sequence uint64, drop Drop) {
	if len(b) < HeaderSize+SealOverhead {
		return nil, 0, DropBadLength
	}
	nonce := b[HeaderSize:sealedBody]
	dst = append(dst, b[:4]...)
	for _, c := range k.ciphers {
		if packet, err := c.Open(dst, nonce, b[sealedBody:], b[:HeaderSize]); err == nil {
			return packet, binary.BigEndian.Uint64(nonce), DropNone
		}
	}
	return nil, 0, DropSealedBad
}
