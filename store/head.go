package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
)

// head is one of the two head pages, which bbolt calls meta pages: what says
// where everything else is. A transaction is done when it has written one of
// them; the other one is then as of the transaction before.
type head struct {
	meta   []byte // metaSize bytes
	usable bool   // bbolt goes by it, if the other one is not newer
	damage error  // nil if nothing is wrong with it
}

// headError says what is wrong with one head page while the other is whole.
type headError struct {
	page int // 0 or 1
	err  error
}

func (e *headError) Error() string { return fmt.Sprintf("head page %d: %v", e.page, e.err) }

// readHeads reads and judges both head pages. An error is one in reading.
func readHeads(r io.ReaderAt, pageSize int) (heads [2]head, err error) {
	for i := range heads {
		b := make([]byte, pageHeader+metaSize)
		if _, err := r.ReadAt(b, int64(i)*int64(pageSize)); err != nil {
			return heads, fmt.Errorf("head page %d: %w", i, err)
		}
		h := &heads[i]
		h.meta = b[pageHeader:]
		h.damage = checkContents(h.meta)
		h.usable = h.damage == nil
		if h.usable {
			h.damage = checkHeader(b, uint64(i))
		}
	}
	return heads, nil
}

// checkContents checks what bbolt itself does before it goes by a head page.
func checkContents(meta []byte) error {
	sum := fnv.New64a()
	sum.Write(meta[:metaSize-8])
	switch {
	case u32(meta) != metaMagic:
		return fmt.Errorf("begins with %#x, no mark of a bbolt file", u32(meta))
	case u32(meta[4:]) != metaVersion:
		return fmt.Errorf("is of version %d of bbolt's format, not %d", u32(meta[4:]), metaVersion)
	case sum.Sum64() != u64(meta[metaSize-8:]):
		return errChecksum
	}
	return nil
}

// checkHeader checks what comes before a head page's contents, which its
// checksum does not cover.
func checkHeader(b []byte, id uint64) error {
	switch kind := binary.NativeEndian.Uint16(b[8:]); {
	case u64(b) != id:
		return fmt.Errorf("says that it is page %d", u64(b))
	case kind != pageMeta:
		return fmt.Errorf("is of the wrong kind, %#x", kind)
	case binary.NativeEndian.Uint16(b[10:]) != 0 || u32(b[12:]) != 0:
		return errors.New("says that there is more to it")
	}
	return nil
}

// newestMeta returns the contents of the newer head page, among those that
// bbolt goes by. One of the two must be whole.
func newestMeta(heads [2]head) ([]byte, error) {
	a, b := heads[0], heads[1]
	switch {
	case a.damage != nil && b.damage != nil:
		return nil, fmt.Errorf("neither head page is whole: page 0: %w; page 1: %w", a.damage, b.damage)
	case !a.usable, b.usable && u64(b.meta[48:]) > u64(a.meta[48:]):
		return b.meta, nil
	}
	return a.meta, nil
}

// sameState reports whether two bbolt files are of the same state of the same
// database: their head pages and all pages in use are the same. What is in free
// pages makes no difference.
func sameState(a, b io.ReaderAt, pageSize int) (bool, error) {
	heads, err := readHeads(a, pageSize)
	if err != nil {
		return false, err
	}
	meta, err := newestMeta(heads)
	if err != nil {
		return false, err
	}
	var damage error
	c := checkTrees(a, pageSize, meta, func(err error) { damage = err })
	if damage != nil {
		return false, damage
	}
	pageA, pageB := make([]byte, pageSize), make([]byte, pageSize)
	for id, used := range c.seen {
		if !used {
			continue
		}
		at := int64(id) * int64(pageSize)
		if _, err := a.ReadAt(pageA, at); err != nil {
			return false, err
		}
		if _, err := b.ReadAt(pageB, at); err != nil && err != io.EOF {
			return false, err
		}
		if !bytes.Equal(pageA, pageB) {
			return false, nil
		}
	}
	return true, nil
}
