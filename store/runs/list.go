package runs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// block is the number of elements that share a checksum.
const block = 256

// SumSize is the number of bytes of a block's checksum, a CRC-32C.
const SumSize = 4

// ErrChecksum says that the checksum of a block does not match.
var ErrChecksum = errors.New("the checksum does not match")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// SumsSize returns the number of bytes that AppendSums appends for n elements.
func SumsSize(n int) int { return (n + block - 1) / block * SumSize }

// AppendSums appends the checksum of each block of 256 elements of data, which
// are size bytes each; the last block has what is left. Numbers are big-endian.
func AppendSums(dst, data []byte, size int) []byte {
	for len(data) > 0 {
		n := min(len(data), block*size)
		dst = binary.BigEndian.AppendUint32(dst, crc32.Checksum(data[:n], castagnoli))
		data = data[n:]
	}
	return dst
}

// list is a list of elements in ascending order of their keys, none twice, and a
// position in it that only goes forward.
//
// The elements lie in a mapped file and are read without any check before. With
// checksums, every block is checked when the position comes into it, and the
// block of the element before as well: that the one is before a key and the
// other is not proves the position, whatever a search has read on its way.
type list struct {
	table   *Table
	data    []byte
	size    int    // of an element, in bytes
	sums    []byte // nil: the elements have been checked
	n, at   int    // elements, and the position among them
	checked int    // block that was checked last, or -1
}

func newList(t *Table, data []byte, size int, sums []byte) list {
	return list{table: t, data: data, size: size, sums: sums, n: len(data) / size, checked: -1}
}

// element returns element i.
func (l *list) element(i int) []byte { return l.data[i*l.size : (i+1)*l.size : (i+1)*l.size] }

func (l *list) key(i int) []byte { return l.data[i*l.size:][:l.table.Key] }

// ended reports whether the position is past the last element.
func (l *list) ended() bool { return l.at == l.n }

// next goes on to the next element.
func (l *list) next() error {
	l.at++
	return l.check()
}

// seek goes forward to the first element that is not before key. It looks at
// elements at growing distances first: most steps are short.
func (l *list) seek(key []byte) error {
	before := func(i int) bool { return bytes.Compare(l.key(i), key) < 0 }
	if l.at == l.n || !before(l.at) {
		return l.check()
	}
	low, step := l.at, 1 // the element at low is before h
	for low+step < l.n && before(low+step) {
		low += step
		step *= 2
	}
	high := min(low+step, l.n) // the element at high is not, if there is one
	for high-low > 1 {
		if mid := (low + high) / 2; before(mid) {
			low = mid
		} else {
			high = mid
		}
	}
	l.at = high
	return l.check()
}

// check checks the block at the position and that of the element before.
func (l *list) check() error {
	if l.sums == nil || l.n == 0 {
		return nil
	}
	if l.at > 0 {
		if err := l.checkBlock((l.at - 1) / block); err != nil {
			return err
		}
	}
	if l.ended() {
		return nil
	}
	return l.checkBlock(l.at / block)
}

func (l *list) checkBlock(b int) error {
	if b == l.checked || b == l.checked-1 {
		return nil // blocks are checked in order, each with the one before
	}
	data := l.data[b*block*l.size:]
	data = data[:min(len(data), block*l.size)]
	if crc32.Checksum(data, castagnoli) != binary.BigEndian.Uint32(l.sums[b*SumSize:]) {
		return ErrChecksum
	}
	l.checked = b
	return nil
}
