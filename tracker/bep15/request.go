package bep15

import (
	"encoding/binary"

	"keeptrack/tracker"
)

// ConnectRequest asks for a connection id.
type ConnectRequest struct {
	TransactionID uint32
}

// AnnounceRequest is an announce as it is on the wire (BEP 15).
type AnnounceRequest struct {
	ConnectionID  uint64
	TransactionID uint32
	InfoHash      tracker.InfoHash
	PeerID        [20]byte
	// Downloaded, Left and Uploaded are numbers of bytes.
	Downloaded, Left, Uploaded uint64
	// Event is the number sent; see TrackerEvent.
	Event uint32
	// IP is the address that the client would like to be known by; keeptrack
	// ignores it.
	IP  uint32
	Key uint32
	// NumWant is the number of peers asked for; negative leaves it to the
	// tracker.
	NumWant int32
	Port    uint16
	// Options are the bytes from offset 98 (BEP 41); see ParseOptions. After
	// parsing they are part of the packet.
	Options []byte
}

// ScrapeRequest asks for the counts of up to MaxScrape torrents.
type ScrapeRequest struct {
	ConnectionID  uint64
	TransactionID uint32
	// InfoHashes are whole info hashes of 20 bytes, one after the other. After
	// parsing they are part of the packet.
	InfoHashes []byte
}

// ParseConnectRequest reads a connect request. Bytes after the header are
// ignored.
func ParseConnectRequest(p []byte) (ConnectRequest, error) {
	h, err := ParseRequestHeader(p)
	switch {
	case err != nil:
		return ConnectRequest{}, err
	case h.Action != ActionConnect:
		return ConnectRequest{}, ErrAction
	case h.ConnectionID != Magic:
		return ConnectRequest{}, ErrMagic
	}
	return ConnectRequest{TransactionID: h.TransactionID}, nil
}

// Where ParseAnnounceRequest and PeekAnnounce find the same fields.
const (
	announceHashAt = 16
	announcePortAt = 96
)

// ParseAnnounceRequest reads an announce request of at least 98 bytes; what
// follows are its options.
func ParseAnnounceRequest(p []byte) (AnnounceRequest, error) {
	if len(p) < AnnounceRequestSize {
		return AnnounceRequest{}, ErrLength
	}
	if Action(binary.BigEndian.Uint32(p[8:])) != ActionAnnounce {
		return AnnounceRequest{}, ErrAction
	}
	return AnnounceRequest{
		ConnectionID:  binary.BigEndian.Uint64(p),
		TransactionID: binary.BigEndian.Uint32(p[12:]),
		InfoHash:      tracker.InfoHash(p[announceHashAt:36]),
		PeerID:        [20]byte(p[36:56]),
		Downloaded:    binary.BigEndian.Uint64(p[56:]),
		Left:          binary.BigEndian.Uint64(p[64:]),
		Uploaded:      binary.BigEndian.Uint64(p[72:]),
		Event:         binary.BigEndian.Uint32(p[80:]),
		IP:            binary.BigEndian.Uint32(p[84:]),
		Key:           binary.BigEndian.Uint32(p[88:]),
		NumWant:       int32(binary.BigEndian.Uint32(p[92:])),
		Port:          binary.BigEndian.Uint16(p[announcePortAt:]),
		Options:       p[AnnounceRequestSize:],
	}, nil
}

// PeekAnnounce returns the info hash and the port of a packet that
// ParseAnnounceRequest accepts, and false for any other. The info hash is part
// of the packet.
func PeekAnnounce(p []byte) (hash *tracker.InfoHash, port uint16, ok bool) {
	if len(p) < AnnounceRequestSize || Action(binary.BigEndian.Uint32(p[8:])) != ActionAnnounce {
		return nil, 0, false
	}
	return (*tracker.InfoHash)(p[announceHashAt:]), binary.BigEndian.Uint16(p[announcePortAt:]), true
}

// ParseScrapeRequest reads a scrape request of at least one info hash. Info
// hashes after the first MaxScrape and stray bytes at the end are left out.
func ParseScrapeRequest(p []byte) (ScrapeRequest, error) {
	if len(p) < MinScrapeRequestSize {
		return ScrapeRequest{}, ErrLength
	}
	if Action(binary.BigEndian.Uint32(p[8:])) != ActionScrape {
		return ScrapeRequest{}, ErrAction
	}
	n := min((len(p)-ScrapeRequestSize)/infoHashSize, MaxScrape)
	return ScrapeRequest{
		ConnectionID:  binary.BigEndian.Uint64(p),
		TransactionID: binary.BigEndian.Uint32(p[12:]),
		InfoHashes:    p[ScrapeRequestSize:][:n*infoHashSize],
	}, nil
}

// Append appends the request's 16 bytes.
func (r ConnectRequest) Append(dst []byte) []byte {
	return RequestHeader{Magic, ActionConnect, r.TransactionID}.Append(dst)
}

// Append appends the request: 98 bytes and the options.
func (r AnnounceRequest) Append(dst []byte) []byte {
	dst = RequestHeader{r.ConnectionID, ActionAnnounce, r.TransactionID}.Append(dst)
	dst = append(dst, r.InfoHash[:]...)
	dst = append(dst, r.PeerID[:]...)
	dst = binary.BigEndian.AppendUint64(dst, r.Downloaded)
	dst = binary.BigEndian.AppendUint64(dst, r.Left)
	dst = binary.BigEndian.AppendUint64(dst, r.Uploaded)
	dst = binary.BigEndian.AppendUint32(dst, r.Event)
	dst = binary.BigEndian.AppendUint32(dst, r.IP)
	dst = binary.BigEndian.AppendUint32(dst, r.Key)
	dst = binary.BigEndian.AppendUint32(dst, uint32(r.NumWant))
	dst = binary.BigEndian.AppendUint16(dst, r.Port)
	return append(dst, r.Options...)
}

// TrackerEvent returns the event; a number that means nothing is no event.
func (r AnnounceRequest) TrackerEvent() tracker.Event {
	if r.Event > uint32(tracker.EventPaused) {
		return tracker.EventNone
	}
	return tracker.Event(r.Event)
}

// Append appends the request: 16 bytes and the info hashes.
func (r ScrapeRequest) Append(dst []byte) []byte {
	dst = RequestHeader{r.ConnectionID, ActionScrape, r.TransactionID}.Append(dst)
	return append(dst, r.InfoHashes...)
}

// Len returns the number of info hashes.
func (r ScrapeRequest) Len() int { return len(r.InfoHashes) / infoHashSize }

// InfoHash returns the info hash at i, which counts from 0.
func (r ScrapeRequest) InfoHash(i int) tracker.InfoHash {
	return tracker.InfoHash(r.InfoHashes[i*infoHashSize:][:infoHashSize])
}
