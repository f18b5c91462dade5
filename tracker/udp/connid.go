package udp

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"math"
	"slices"
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

	// maxSecrets is the largest number of secrets whose ids are taken, and so of
	// the MACs that a wrong id costs: two in force and two of before.
	maxSecrets = 4
)

// connectionIDs gives and checks connection ids. An id is bound to the
// client's address and to the wall clock, cut into slots of a quarter of the
// lifetime; it needs no memory, and every instance with the same secret takes
// it. Not to the port: clients share one id between their sockets.
//
// An id is 61 bits of SipHash-2-4 over address and slot, then the slot's
// number modulo 8. A connectionIDs does not change.
type connectionIDs struct {
	idKey              // of the secret that gives ids
	others     []idKey // of those whose ids are taken as well, the newest of before first
	slotLength time.Duration
}

// idKey is what ids are made from: the key of the MAC. Of a secret that is no
// longer in force, ids are taken of slots up to last.
type idKey struct{ key0, key1, last uint64 }

// newConnectionIDs derives the keys from the secrets, one or more of any length.
// The first gives ids, those of all are taken.
func newConnectionIDs(lifetime time.Duration, secrets ...[]byte) *connectionIDs {
	c := &connectionIDs{slotLength: max(lifetime/slotsPerLifetime, 1)}
	for _, secret := range secrets {
		sum := sha256.Sum256(secret)
		c.others = append(c.others, idKey{
			key0: binary.LittleEndian.Uint64(sum[:8]),
			key1: binary.LittleEndian.Uint64(sum[8:]),
			last: math.MaxUint64,
		})
	}
	c.idKey, c.others = c.others[0], c.others[1:]
	return c
}

// replacedBy returns the ids of other secrets, in force from at on. It takes those that c
// has given until then as long as they last.
func (c *connectionIDs) replacedBy(secrets [][]byte, at time.Time) *connectionIDs {
	next := newConnectionIDs(c.slotLength*slotsPerLifetime, secrets...)
	slot := c.slot(at)
	for _, k := range append([]idKey{c.idKey}, c.others...) {
		k.last = min(k.last, slot+1) // those of a clock that is a little ahead, too
		same := func(other idKey) bool { return other.key0 == k.key0 && other.key1 == k.key1 }
		if same(next.idKey) || slices.ContainsFunc(next.others, same) || k.last+slotsPerLifetime < slot {
			continue
		}
		if len(next.others) < maxSecrets-1 {
			next.others = append(next.others, k)
		}
	}
	return next
}

// slot returns the number of the slot that now is in.
func (c *connectionIDs) slot(now time.Time) uint64 {
	return uint64(now.UnixNano()) / uint64(c.slotLength)
}

// id returns the id of the slot for an address, IPv4 in its IPv6-mapped form.
// It is never 0.
func (k *idKey) id(addr [16]byte, slot uint64) uint64 {
	var message [16 + 8]byte
	copy(message[:], addr[:])
	binary.LittleEndian.PutUint64(message[16:], slot)
	id := siphash.Hash(k.key0, k.key1, message[:])&^slotMask | slot&slotMask
	if id == 0 {
		return ^uint64(slotMask)
	}
	return id
}

// equal compares two ids in constant time.
func equal(a, b uint64) bool {
	differ := a ^ b
	return subtle.ConstantTimeEq(int32(differ>>32)|int32(differ), 0) == 1
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
	if equal(id, c.id(addr, slot)) {
		return true
	}
	for i := range c.others {
		if k := &c.others[i]; slot <= k.last && equal(id, k.id(addr, slot)) {
			return true
		}
	}
	return false
}
