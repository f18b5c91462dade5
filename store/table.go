package store

import (
	"bytes"
	"encoding/binary"

	"go.etcd.io/bbolt"

	"keeptrack/store/runs"
	"keeptrack/tracker"
)

// table is what a file has two of, the records and the parts: elements in order of
// key, as a base that is cut into chunks and a journal. docs/internals/format.md describes it.
type table struct {
	*runs.Table
	chunks string // the bucket of its base
	value  []byte // the key in the bucket of a chunk
}

// Sizes in bytes of the elements of the parts: a key, which is an info hash and an
// origin, and the value.
const (
	partKeySize = hashSize + len(tracker.Origin{})
	partSize    = partKeySize + 8
)

var (
	recordTable = &table{runs.Records, "chunks", []byte("records")}
	partTable   = &table{&runs.Table{Journal: "part_journal", Key: partKeySize, Element: partSize}, "part_chunks", []byte("parts")}

	tables = [...]*table{recordTable, partTable}
)

// tableTx is a table in a transaction.
type tableTx struct {
	*table
	base, journal *bbolt.Bucket // nil if the file lacks them
}

// in returns the table as a transaction has it.
func (t *table) in(tx *bbolt.Tx) tableTx {
	return tableTx{t, tx.Bucket([]byte(t.chunks)), tx.Bucket([]byte(t.Journal))}
}

// lowest returns the lowest key, which the first chunk has.
func (t *table) lowest() []byte { return make([]byte, t.Key) }

// count returns the number of elements in b.
func (t *table) count(b []byte) int { return len(b) / t.Element }

// key returns the key of element i of b.
func (t *table) key(b []byte, i int) []byte { return b[i*t.Element:][:t.Key] }

// ascending reports whether the keys that b's elements of size bytes begin with
// are in ascending order, none twice.
func (t *table) ascending(b []byte, size int) bool {
	for ; len(b) > size; b = b[size:] {
		if bytes.Compare(b[:t.Key], b[size:size+t.Key]) >= 0 {
			return false
		}
	}
	return true
}

// appendPart appends a part's 36 bytes: info hash, origin, value u64, big-endian.
func appendPart(dst []byte, h *tracker.InfoHash, p tracker.Part) []byte {
	dst = appendPartKey(dst, h, p.Origin)
	return binary.BigEndian.AppendUint64(dst, p.Value)
}

// appendPartKey appends the key of a part.
func appendPartKey(dst []byte, h *tracker.InfoHash, o tracker.Origin) []byte {
	return append(append(dst, h[:]...), o[:]...)
}

// readPart reads the first 36 bytes of b. A value beyond tracker.MaxDownloaded is
// read as that.
func readPart(b []byte) tracker.TorrentPart {
	return tracker.TorrentPart{InfoHash: tracker.InfoHash(b[:hashSize]), Part: tracker.Part{
		Origin: tracker.Origin(b[hashSize:partKeySize]),
		Value:  min(binary.BigEndian.Uint64(b[partKeySize:partSize]), tracker.MaxDownloaded),
	}}
}
