package wire

import (
	"crypto/rand"
	"encoding/hex"
)

// ID names an instance in its group. It is opaque: compared as bytes, never as
// a number. The zero ID stands for none.
type ID [4]byte

// String returns the id as 8 lower-case hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText returns the same as String.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// NewID draws an id from the system's random source. An instance draws one at
// every start and stores it nowhere: a copied database must not copy an id, or
// the two instances would ignore each other.
func NewID() ID {
	var id ID
	for id == (ID{}) {
		rand.Read(id[:])
	}
	return id
}
