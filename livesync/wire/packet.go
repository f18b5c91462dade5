package wire

import (
	"encoding/binary"

	"keeptrack/tracker"
	"keeptrack/tracker/peergroup"
)

// Sizes in bytes.
const (
	HeaderSize = 4 + 4           // instance id, type
	LiveSize   = 20 + 4 + 2 + 2  // SYNC_LIVE record
	Live6Size  = 20 + 16 + 2 + 2 // SYNC_LIVE6 record
	TellSize   = 20 + 4 + 8      // SYNC_SCRAPE_TELL record

	// SmallestPacket is the size that a packet must be able to have, so that it
	// holds a record of any kind, a peer for an instance that asked, and the digests of
	// a node.
	SmallestPacket = HeaderSize + max(peersHead+peergroup.Largest, againHead+againSize, countLargest)
)

// syncFlags are the flags that mean something on the wire. FROM_SYNC (0x10) is
// internal to opentracker: sent as 0 and ignored on receipt.
const syncFlags = tracker.SyncSeeding | tracker.SyncComplete | tracker.SyncStopped

// countedMark is the last byte of a SYNC_LIVE or SYNC_LIVE6 record of a completion that
// a part of the sender's tells as well. Otherwise it is 0. Programs that do not know it
// send 0, or what happens to be there, and ignore it.
const countedMark = 1

// counted reports whether the last byte of a record with these flags is the mark.
func counted(f tracker.SyncFlags, last byte) bool {
	return f&tracker.SyncComplete != 0 && last == countedMark
}

// TellRecord is what a TELL packet holds of one torrent.
type TellRecord struct {
	InfoHash tracker.InfoHash
	// Age is the number of whole minutes since the torrent's last announce, at
	// the time of sending.
	Age uint32
	// Downloaded counts the completed downloads.
	Downloaded uint64
}

// Packet is a received packet, checked and not copied: it refers to the buffer
// it was parsed from. All numbers on the wire are big-endian.
type Packet struct {
	// From is the id of the instance that sent the packet.
	From ID
	// Kind decides which of the methods that read the packet apply.
	Kind Kind
	// Trailing is the number of bytes after the last whole record, to be
	// ignored.
	Trailing int

	whole []byte // with its header
	body  []byte // with whole records, if there are any
	peers int    // of KindPeers: how many there are
	count *Count // of kinds that Counts
}

// Parse reads a packet. The Packet refers to b and is valid as long as b is not
// changed. The error is ErrShort, ErrType, ErrLength or ErrValue.
//
// A packet of records holds at least one whole record, or its length is wrong.
func Parse(b []byte) (Packet, error) {
	if len(b) < HeaderSize {
		return Packet{}, ErrShort
	}
	body := b[HeaderSize:]
	k, err := kindOf(binary.BigEndian.Uint32(b[4:]), len(body))
	if err != nil {
		return Packet{}, err
	}
	p := Packet{From: ID(b), Kind: k, whole: b}
	if k.Counts() {
		p.body = body
		if p.count, err = parseCount(k, body); err != nil {
			return Packet{}, err
		}
		return p, nil
	}
	if size := kinds[k].record; size > 0 {
		p.Trailing = (len(body) - kinds[k].body) % size
	}
	p.body = body[:len(body)-p.Trailing]
	switch k {
	case KindPeers:
		if p.peers, err = peergroup.Count(p.body[peersHead:]); err != nil {
			return Packet{}, ErrLength
		}
	case KindLiveHashes, KindLiveAgain:
		if !p.validLost() {
			return Packet{}, ErrValue
		}
	}
	return p, nil
}

// Records returns the number of records in a packet, or of peers in one of kind
// KindPeers, and 0 for kinds without.
func (p Packet) Records() int { return p.Kind.Records(HeaderSize+len(p.body)) + p.peers }

// Sync reads record i of a packet of kind KindLive or KindLive6 into r. Flags
// that mean nothing are left out.
func (p Packet) Sync(i int, r *tracker.SyncRecord) {
	if p.Kind == KindLive {
		b := p.body[i*LiveSize:][:LiveSize]
		r.InfoHash = tracker.InfoHash(b)
		r.Peer = tracker.MakePeer4([4]byte(b[20:]), binary.BigEndian.Uint16(b[24:]))
		r.Flags = tracker.SyncFlags(b[26]) & syncFlags
		r.Counted = counted(r.Flags, b[27])
		return
	}
	b := p.body[i*Live6Size:][:Live6Size]
	r.InfoHash = tracker.InfoHash(b)
	r.Peer = tracker.MakePeer6([16]byte(b[20:]), binary.BigEndian.Uint16(b[36:]))
	r.Flags = tracker.SyncFlags(b[38]) & syncFlags
	r.Counted = counted(r.Flags, b[39])
}

// Tell returns record i of a packet of kind KindTell.
func (p Packet) Tell(i int) TellRecord {
	b := p.body[i*TellSize:][:TellSize]
	return TellRecord{
		InfoHash:   tracker.InfoHash(b),
		Age:        binary.BigEndian.Uint32(b[20:]),
		Downloaded: binary.BigEndian.Uint64(b[24:]),
	}
}

// Torrents returns the number of torrents in a packet of kind KindBeacon.
func (p Packet) Torrents() uint64 { return binary.BigEndian.Uint64(p.body) }

// Target returns the id of the instance that a packet is for, if its kind is
// Addressed.
func (p Packet) Target() ID { return ID(p.body) }

// AppendHeader appends the header of a packet sent by the instance id.
func AppendHeader(dst []byte, id ID, k Kind) []byte {
	return binary.BigEndian.AppendUint32(append(dst, id[:]...), kinds[k].wire)
}

// AppendSync appends a record: LiveSize bytes for a peer with an IPv4 address,
// to go into a packet of kind KindLive, or Live6Size bytes for one with an
// IPv6 address, to go into KindLive6.
func AppendSync(dst []byte, r *tracker.SyncRecord) []byte {
	dst = r.Peer.AppendCompact(append(dst, r.InfoHash[:]...))
	last := byte(0)
	if r.Counted && r.Flags&tracker.SyncComplete != 0 {
		last = countedMark
	}
	return append(dst, byte(r.Flags&syncFlags), last)
}

// AppendTell appends a record of TellSize bytes.
func AppendTell(dst []byte, r TellRecord) []byte {
	dst = binary.BigEndian.AppendUint32(append(dst, r.InfoHash[:]...), r.Age)
	return binary.BigEndian.AppendUint64(dst, r.Downloaded)
}

// AppendBeacon appends a whole BEACON packet.
func AppendBeacon(dst []byte, id ID, torrents uint64) []byte {
	return binary.BigEndian.AppendUint64(AppendHeader(dst, id, KindBeacon), torrents)
}

// AppendInquire appends a whole INQUIRE packet that asks target for its counts.
func AppendInquire(dst []byte, id, target ID) []byte {
	return append(AppendHeader(dst, id, KindInquire), target[:]...)
}
