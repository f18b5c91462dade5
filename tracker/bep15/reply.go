package bep15

import (
	"encoding/binary"

	"keeptrack/tracker"
)

// ConnectReply gives a connection id.
type ConnectReply struct {
	TransactionID uint32
	ConnectionID  uint64
}

// AnnounceReply answers an announce.
type AnnounceReply struct {
	TransactionID uint32
	// Interval is the number of seconds until the next announce.
	Interval          uint32
	Leechers, Seeders uint32
	// Peers are in compact form, of the family that the packet travels on.
	// After parsing they are part of the packet.
	Peers []byte
}

// ScrapeReply answers a scrape.
type ScrapeReply struct {
	TransactionID uint32
	// Rows are encoded rows of 12 bytes in the order of the request's info
	// hashes. After parsing they are part of the packet.
	Rows []byte
}

// ScrapeRow is what a scrape reply tells of one torrent.
type ScrapeRow struct {
	Seeders, Completed, Leechers uint32
}

// ErrorReply says why a request was refused.
type ErrorReply struct {
	TransactionID uint32
	// Text is for people. Some trackers end it with a NUL byte, which is part
	// of it.
	Text string
}

// ParseConnectReply reads a connect reply, which is 16 bytes exactly.
func ParseConnectReply(p []byte) (ConnectReply, error) {
	h, err := parseReply(p, ActionConnect)
	if err != nil {
		return ConnectReply{}, err
	}
	if len(p) != ConnectReplySize {
		return ConnectReply{}, ErrLength
	}
	return ConnectReply{h.TransactionID, binary.BigEndian.Uint64(p[replyHeaderSize:])}, nil
}

// ParseAnnounceReply reads an announce reply that travelled on the family
// given, which decides the size of its peers. Anything but a whole number of
// peers is ErrLength.
func ParseAnnounceReply(p []byte, f tracker.Family) (AnnounceReply, error) {
	h, err := parseReply(p, ActionAnnounce)
	if err != nil {
		return AnnounceReply{}, err
	}
	if len(p) < AnnounceReplySize || (len(p)-AnnounceReplySize)%f.CompactSize() != 0 {
		return AnnounceReply{}, ErrLength
	}
	return AnnounceReply{
		TransactionID: h.TransactionID,
		Interval:      binary.BigEndian.Uint32(p[8:]),
		Leechers:      binary.BigEndian.Uint32(p[12:]),
		Seeders:       binary.BigEndian.Uint32(p[16:]),
		Peers:         p[AnnounceReplySize:],
	}, nil
}

// ParseScrapeReply reads a scrape reply. Anything but a whole number of rows
// is ErrLength.
func ParseScrapeReply(p []byte) (ScrapeReply, error) {
	h, err := parseReply(p, ActionScrape)
	if err != nil {
		return ScrapeReply{}, err
	}
	if (len(p)-ScrapeReplySize)%ScrapeRowSize != 0 {
		return ScrapeReply{}, ErrLength
	}
	return ScrapeReply{h.TransactionID, p[ScrapeReplySize:]}, nil
}

// ParseErrorReply reads an error reply.
func ParseErrorReply(p []byte) (ErrorReply, error) {
	h, err := parseReply(p, ActionError)
	if err != nil {
		return ErrorReply{}, err
	}
	return ErrorReply{h.TransactionID, string(p[ErrorReplySize:])}, nil
}

// Append appends the reply's 16 bytes.
func (r ConnectReply) Append(dst []byte) []byte {
	dst = ReplyHeader{ActionConnect, r.TransactionID}.Append(dst)
	return binary.BigEndian.AppendUint64(dst, r.ConnectionID)
}

// Append appends the reply: 20 bytes and the peers.
func (r AnnounceReply) Append(dst []byte) []byte {
	dst = ReplyHeader{ActionAnnounce, r.TransactionID}.Append(dst)
	dst = binary.BigEndian.AppendUint32(dst, r.Interval)
	dst = binary.BigEndian.AppendUint32(dst, r.Leechers)
	dst = binary.BigEndian.AppendUint32(dst, r.Seeders)
	return append(dst, r.Peers...)
}

// Append appends the reply: 8 bytes and the rows.
func (r ScrapeReply) Append(dst []byte) []byte {
	return append(ReplyHeader{ActionScrape, r.TransactionID}.Append(dst), r.Rows...)
}

// Len returns the number of rows.
func (r ScrapeReply) Len() int { return len(r.Rows) / ScrapeRowSize }

// Row returns the row at i, which counts from 0.
func (r ScrapeReply) Row(i int) ScrapeRow {
	b := r.Rows[i*ScrapeRowSize:][:ScrapeRowSize]
	return ScrapeRow{
		Seeders:   binary.BigEndian.Uint32(b),
		Completed: binary.BigEndian.Uint32(b[4:]),
		Leechers:  binary.BigEndian.Uint32(b[8:]),
	}
}

// Append appends the row's 12 bytes.
func (r ScrapeRow) Append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, r.Seeders)
	dst = binary.BigEndian.AppendUint32(dst, r.Completed)
	return binary.BigEndian.AppendUint32(dst, r.Leechers)
}

// Append appends the reply: 8 bytes and the text.
func (r ErrorReply) Append(dst []byte) []byte {
	return append(ReplyHeader{ActionError, r.TransactionID}.Append(dst), r.Text...)
}

// parseReply reads the header of a reply that must have the action given.
func parseReply(p []byte, want Action) (ReplyHeader, error) {
	h, err := ParseReplyHeader(p)
	if err != nil {
		return ReplyHeader{}, err
	}
	if h.Action != want {
		return ReplyHeader{}, ErrAction
	}
	return h, nil
}
