package wire

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
//	8       8     sequence: when it was sealed, in nanoseconds since 1970
//	16      16    drawn at random
//	32      n     type and body of the packet inside, encrypted
//	32+n    16    authentication tag
//
// The nonce is the sequence with the random bytes, and the first 8 bytes are
// authenticated as additional data, so that no byte can be changed.
const (
	typeSealed = 0x100
	sealedBody = HeaderSize + NonceSize

	// NonceSize is the size of a nonce in bytes: the sequence, 8 bytes, and 16
	// random ones.
	NonceSize = chacha20poly1305.NonceSizeX

	// SealOverhead is the number of bytes by which a packet grows when it is
	// sealed.
	SealOverhead = NonceSize + 4 + chacha20poly1305.Overhead
)

// Sealed reports whether a packet is of the sealed type. One shorter than a
// header is not.
func Sealed(b []byte) bool {
	return len(b) >= HeaderSize && binary.BigEndian.Uint32(b[4:]) == typeSealed
}

// Seal seals packet with the first key, appends the result to dst, which must not
// overlap packet, and returns it. A nonce must be used only once with a key.
func (k *Keys) Seal(dst, packet []byte, nonce *[NonceSize]byte) []byte {
	at := len(dst)
	dst = append(dst, packet[:4]...)
	dst = binary.BigEndian.AppendUint32(dst, typeSealed)
	dst = append(dst, nonce[:]...)
	return k.ciphers[0].Seal(dst, nonce[:], packet[4:], dst[at:at+HeaderSize])
}

// Open opens a sealed packet with whichever key fits. It appends the packet
// inside to dst, which must not overlap b, and returns it with its sequence.
// The error is ErrLength or ErrForged.
func (k *Keys) Open(dst, b []byte) (packet []byte, sequence uint64, err error) {
	if len(b) < HeaderSize+SealOverhead {
		return nil, 0, ErrLength
	}
	nonce := b[HeaderSize:sealedBody]
	dst = append(dst, b[:4]...)
	for _, c := range k.ciphers {
		if packet, err := c.Open(dst, nonce, b[sealedBody:], b[:HeaderSize]); err == nil {
			return packet, binary.BigEndian.Uint64(nonce), nil
		}
	}
	return nil, 0, ErrForged
}
