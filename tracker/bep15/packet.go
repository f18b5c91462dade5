// Package bep15 holds the packets of the UDP tracker protocol (BEP 15) in both
// directions, with the options of an announce (BEP 41). Numbers are in network
// order. A parser reads one packet into a value and does not check connection
// ids; Append adds a packet to a slice and allocates only if that is too short.
package bep15

import (
	"encoding/binary"
	"errors"

	"keeptrack/tracker"
)

// Magic is what a connect request carries in place of a connection id
// (BEP 15).
const Magic uint64 = 0x41727101980

// Action says what a packet is; a reply repeats the action of its request or
// is an error.
type Action uint32

// The actions (BEP 15).
const (
	ActionConnect Action = iota
	ActionAnnounce
	ActionScrape
	ActionError
)

// Sizes in bytes. A packet that can be longer is given with the least it has.
const (
	ConnectRequestSize  = requestHeaderSize
	ConnectReplySize    = replyHeaderSize + 8
	AnnounceRequestSize = 98                // options follow
	AnnounceReplySize   = 20                // peers follow
	ScrapeRequestSize   = requestHeaderSize // info hashes follow
	ScrapeReplySize     = replyHeaderSize   // rows follow
	ScrapeRowSize       = 12
	ErrorReplySize      = replyHeaderSize // text follows

	// MinScrapeRequestSize and MaxScrapeRequestSize are the sizes of a scrape of
	// one info hash and of MaxScrape.
	MinScrapeRequestSize = ScrapeRequestSize + infoHashSize
	MaxScrapeRequestSize = ScrapeRequestSize + MaxScrape*infoHashSize
	// MaxReplySize is the size of the longest reply, but for errors, which are as
	// long as their text.
	MaxReplySize = AnnounceReplySize + MaxPeers4*tracker.CompactSize4

	requestHeaderSize = 16
	replyHeaderSize   = 8
	infoHashSize      = len(tracker.InfoHash{})
)

// The most that one packet holds, so that none is ever fragmented.
const (
	MaxScrape = tracker.MaxScrape // info hashes of a scrape
	MaxPeers4 = tracker.MaxPeers  // peers of an announce reply over IPv4
	MaxPeers6 = 66                // peers of an announce reply over IPv6
)

// The errors of the parsers. They say what is wrong with a packet and name no
// field of it.
var (
	ErrLength = errors.New("udp tracker packet: wrong length")
	ErrAction = errors.New("udp tracker packet: wrong action")
	ErrMagic  = errors.New("udp tracker packet: wrong magic number")
)

// RequestHeader is what every request starts with, 16 bytes in network order:
// connection id, action, transaction id. A connect request has Magic for the
// connection id and is nothing but its header.
type RequestHeader struct {
	ConnectionID  uint64
	Action        Action
	TransactionID uint32
}

// ParseRequestHeader reads the header of a request. It returns ErrLength for
// fewer than 16 bytes and accepts any action.
func ParseRequestHeader(p []byte) (RequestHeader, error) {
	if len(p) < requestHeaderSize {
		return RequestHeader{}, ErrLength
	}
	return RequestHeader{
		ConnectionID:  binary.BigEndian.Uint64(p),
		Action:        Action(binary.BigEndian.Uint32(p[8:])),
		TransactionID: binary.BigEndian.Uint32(p[12:]),
	}, nil
}

// Append appends the header's 16 bytes.
func (h RequestHeader) Append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, h.ConnectionID)
	dst = binary.BigEndian.AppendUint32(dst, uint32(h.Action))
	return binary.BigEndian.AppendUint32(dst, h.TransactionID)
}

// ReplyHeader is what every reply starts with, 8 bytes in network order:
// action, transaction id.
type ReplyHeader struct {
	Action        Action
	TransactionID uint32
}

// ParseReplyHeader reads the header of a reply. It returns ErrLength for fewer
// than 8 bytes and accepts any action.
func ParseReplyHeader(p []byte) (ReplyHeader, error) {
	if len(p) < replyHeaderSize {
		return ReplyHeader{}, ErrLength
	}
	return ReplyHeader{
		Action:        Action(binary.BigEndian.Uint32(p)),
		TransactionID: binary.BigEndian.Uint32(p[4:]),
	}, nil
}

// Append appends the header's 8 bytes.
func (h ReplyHeader) Append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(h.Action))
	return binary.BigEndian.AppendUint32(dst, h.TransactionID)
}
