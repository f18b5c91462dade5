// Package wire reads and writes the packets of opentracker's live sync protocol,
// plain and sealed with a group's key. It holds no state: what a packet leads to
// is decided in livesync.
//
// Every packet begins with the sender's id and a type number, 4 bytes each. All
// numbers are big-endian.
package wire

import "errors"

// Errors of Parse and Open.
var (
	ErrShort  = errors.New("shorter than a header")
	ErrType   = errors.New("the type is not known")
	ErrLength = errors.New("the length does not fit the type")
	ErrValue  = errors.New("a value that nobody sends")
	ErrForged = errors.New("sealed with another key, or changed on the way")
)
