package udp

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"time"

	"github.com/dchest/siphash"
)

const (
	// slotsPerLifetime is how finely the age of a connection id is known.
	slotsPerLifetime = 4
	// slotBits is the number of low bits of a connection id that say in which
	// slot it was given. With them one MAC tells whether it is good.
	slotBits = 3
	slotMask = 1<<slotBits - 1
)

// connectionIDs gives and checks connection ids. An id is bound to the
// client's address and to the wall clock, cut into slots of a quarter of the
// lifetime; it needs no memory, and every instance with the same secret takes
// it. Not to the port: clients share one id between their sockets.
//
// An id is 61 bits of SipHash-2-4 over address and slot, then the slot's
// number modulo 8.
type connectionIDs struct {
	key0, key1 uint64
	slotLength time.Duration
}

// newConnectionIDs derives the key from the secret, which may have any length.
func newConnectionIDs(secret []byte, lifetime time.Duration) connectionIDs {
	sum := sha256.Sum256(secret)
	return connectionIDs{
		key0:       binary.LittleEndian.Uint64(sum[:8]),
		key1:       binary.LittleEndian.Uint64(sum[8:]),
		slotLength: max(lifetime/slotsPerLifetime, 1),
	}
}

// slot returns the number of the slot that now is in.
func (c *connectionIDs) slot(now time.Time) uint64 {
	return uint64(now.UnixNano()) / uint64(c.slotLength)
}

// id returns the id of the slot for an address, IPv4 in its IPv6-mapped form.
// It is never 0.
func (c *connectionIDs) id(addr [16]byte, slot uint64) uint64 {
	var message [16 + 8]byte
	copy(message[:], addr[:])
	binary.LittleEndian.PutUint64(message[16:], slot)
	id := siphash.Hash(c.key0, c.key1, message[:])&^slotMask | slot&slotMask
	if id == 0 {
		return ^uint64(slotMask)
	}
	return id
}

// valid reports whether id was given to the address in the current slot or in
// one of the four before it, so that it holds for the lifetime at least and
// for five quarters of it at most. An id of the next slot comes from an
// instance whose clock is a little ahead.
func (c *connectionIDs) valid(id uint64, addr [16]byte, slot uint64) bool {
	age := (slot - id) & slotMask
	switch {
	case age <= slotsPerLifetime:
		slot -= age
	case age == slotMask: // one slot ahead
		slot++
	default:
		return false
	}
	differ := c.id(addr, slot) ^ id
	return subtle.ConstantTimeEq(int32(differ>>32)|int32(differ), 0) == 1
}
