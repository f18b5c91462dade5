package tracker

import "encoding/binary"

// inlinePeers is the number of IPv4 peers that fit into a torrent's own
// record; most swarms are that small.
const inlinePeers = 3

// torrent is one torrent's record: 64 bytes, a cache line, without pointers.
//
// IPv4 peers are stored inline while there are at most inlinePeers of them.
// Beyond that count4 is external, the peers are in a block of the shard's IPv4
// arena, and the first inline bytes hold the block's handle. IPv6 peers are
// always in a block.
type torrent struct {
	hash         InfoHash
	lastAnnounce uint32 // unix minute
	downloaded   uint64 // see count
	inline4      [inlinePeers]entry[key4]
	block6       handle // 0: no IPv6 peers
	count4       uint8  // number of inline peers, or external
	leechers4    uint8  // number of inline leechers
	stored       bool   // the database may know this torrent
	partial      bool   // the database may know more of it, see partial.go
}

const external = 0xff

// location is where a torrent keeps its peers of one family: in a block or, when
// block is 0, in the first n of the inline entries.
type location[K key] struct {
	block       handle
	inline      []entry[K]
	n, leechers uint8
}

func (t *torrent) location4() location[key4] {
	l := location[key4]{inline: t.inline4[:]}
	if t.count4 == external {
		l.block = handle(binary.LittleEndian.Uint32(t.inline4[0].key[:]))
	} else {
		l.n, l.leechers = t.count4, t.leechers4
	}
	return l
}

func (t *torrent) setLocation4(l location[key4]) {
	if l.block != 0 {
		t.setBlock4(l.block)
	} else {
		t.count4, t.leechers4 = l.n, l.leechers
	}
}

func (t *torrent) setBlock4(b handle) {
	t.count4 = external
	binary.LittleEndian.PutUint32(t.inline4[0].key[:], uint32(b))
}

func (t *torrent) location6() location[key6] { return location[key6]{block: t.block6} }

func (t *torrent) setLocation6(l location[key6]) { t.block6 = l.block }

// peerless says that the torrent has no peers of either family.
func (t *torrent) peerless() bool { return t.count4 == 0 && t.block6 == 0 }

func (t *torrent) rank() rank { return rank{t.downloaded, t.lastAnnounce} }

func (t *torrent) record() Record {
	return Record{InfoHash: t.hash, LastAnnounce: t.lastAnnounce, Downloaded: t.count()}
}
