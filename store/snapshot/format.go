package snapshot

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"
)

// What can be wrong with a file as a whole.
var (
	// ErrForeign says that a file is no snapshot.
	ErrForeign = errors.New("not a snapshot of the peers")
	// ErrNewer says that a newer version of keeptrack has written the file.
	ErrNewer = errors.New("written by a newer version of keeptrack")
	// ErrDamaged says that the file's header is damaged.
	ErrDamaged = errors.New("the header is damaged")
)

// version is that of the format.
const version = 1

var magic = []byte("KTPEERS\n")

// header is the beginning of the file: magic, version and when the snapshot was
// begun, by two clocks, with a checksum.
const headerSize = 8 + 4 + 8 + 8 + bootIDSize + 4

func appendHeader(dst []byte, began moment) []byte {
	at := len(dst)
	dst = append(dst, magic...)
	dst = binary.BigEndian.AppendUint32(dst, version)
	dst = binary.BigEndian.AppendUint64(dst, uint64(began.wall.UnixNano()))
	dst = binary.BigEndian.AppendUint64(dst, uint64(began.up))
	dst = append(dst, began.boot[:]...)
	return binary.BigEndian.AppendUint32(dst, checksum(dst[at:]))
}

// parseHeader reads the headerSize bytes at the beginning of a file, fewer if the
// file is shorter.
func parseHeader(b []byte) (began moment, err error) {
	if !bytes.HasPrefix(b, magic) {
		return began, ErrForeign
	}
	if rest := b[len(magic):]; len(rest) >= 4 && binary.BigEndian.Uint32(rest) > version {
		return began, ErrNewer
	}
	if len(b) < headerSize || binary.BigEndian.Uint32(b[len(magic):]) == 0 ||
		checksum(b[:headerSize-4]) != binary.BigEndian.Uint32(b[headerSize-4:]) {
		return began, ErrDamaged
	}
	began.wall = time.Unix(0, int64(binary.BigEndian.Uint64(b[12:])))
	began.up = time.Duration(binary.BigEndian.Uint64(b[20:]))
	copy(began.boot[:], b[28:])
	return began, nil
}

// blockType says what is in a block.
type blockType uint32

const (
	blockPeers blockType = 1
	blockClose blockType = 2
	// optional is set in the types of blocks that a reader passes over if it does
	// not know them.
	optional blockType = 1 << 31
)

// A block begins with its type, the length and the checksum of its payload, and a
// checksum of these.
const blockHeaderSize = 4 + 4 + 4 + 4

// maxPayload is the longest payload in bytes.
const maxPayload = 256 << 10

// blockHeader is the beginning of a block, checked.
type blockHeader struct {
	kind     blockType
	length   uint32
	checksum uint32 // of the payload
}

// sealBlock fills the first blockHeaderSize bytes of a block in.
func sealBlock(block []byte, kind blockType) {
	payload := block[blockHeaderSize:]
	binary.BigEndian.PutUint32(block, uint32(kind))
	binary.BigEndian.PutUint32(block[4:], uint32(len(payload)))
	binary.BigEndian.PutUint32(block[8:], checksum(payload))
	binary.BigEndian.PutUint32(block[12:], checksum(block[:12]))
}

// parseBlockHeader reads the blockHeaderSize bytes at the beginning of a block. It
// returns false if what follows cannot be found by them.
func parseBlockHeader(b []byte) (blockHeader, bool) {
	h := blockHeader{
		kind:     blockType(binary.BigEndian.Uint32(b)),
		length:   binary.BigEndian.Uint32(b[4:]),
		checksum: binary.BigEndian.Uint32(b[8:]),
	}
	return h, checksum(b[:12]) == binary.BigEndian.Uint32(b[12:]) && h.length <= maxPayload
}

// closing is the payload of the block that makes a file whole.
type closing struct {
	peers uint64        // in all blocks
	took  time.Duration // from the header to the end, in whole milliseconds
}

const closingSize = 8 + 8

func (c closing) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, c.peers)
	return binary.BigEndian.AppendUint64(dst, uint64(c.took.Milliseconds()))
}

func parseClosing(b []byte) (c closing, ok bool) {
	if len(b) != closingSize {
		return c, false
	}
	c.peers, c.took = binary.BigEndian.Uint64(b), milliseconds(binary.BigEndian.Uint64(b[8:]))
	return c, true
}

// milliseconds returns n of them, or the longest time there is.
func milliseconds(n uint64) time.Duration {
	return time.Duration(min(n, uint64(maxDuration/time.Millisecond))) * time.Millisecond
}

const maxDuration = time.Duration(1<<63 - 1)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }
