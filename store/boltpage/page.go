package boltpage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Sizes of bbolt's structures, and the kinds of its pages, in version 2 of its
// format. Numbers are in the machine's byte order.
const (
	pageHeader   = 16 // id u64, kind u16, count u16, overflow u32
	pageElement  = 16 // of a branch: pos u32, ksize u32, page u64; of a leaf: flags, pos, ksize, vsize, u32 each
	bucketHeader = 16 // root page u64, sequence u64
	metaSize     = 64 // ends with the FNV-1a sum of what is before it

	metaMagic, metaVersion = 0xed0cdaed, 2 // what meta begins with, u32 each

	pageBranch, pageLeaf, pageMeta, pageFreelist = 0x01, 0x02, 0x04, 0x10

	elementBucket  = 0x01               // flag of a leaf's element whose value is a bucket
	noFreelistPage = 0xffffffffffffffff // the free pages are not listed
)

// page is a page with those that continue it, or a bucket inside a value.
type page struct {
	in   *checker
	id   uint64
	size int    // in bytes, header included
	head []byte // its beginning, as much as there is in memory
}

var errOutside = errors.New("something in it reaches past its end")

// checkBranch checks the order of a branch page's keys, and the pages below.
func (p *page) checkBranch(low, high []byte) error {
	n := p.count()
	if n == 0 {
		return errors.New("a branch without pages below")
	}
	keys := make([][]byte, n)
	children := make([]uint64, n)
	for i := range n {
		at := pageHeader + i*pageElement
		e, err := p.bytes(at, pageElement)
		if err != nil {
			return err
		}
		if keys[i], err = p.bytes(at+int(u32(e)), int(u32(e[4:]))); err != nil {
			return err
		}
		children[i] = u64(e[8:])
	}
	if err := checkKeys(keys, low, high); err != nil {
		return err
	}
	for i, child := range children {
		below := high
		if i+1 < n {
			below = keys[i+1]
		}
		p.in.checkTree(child, keys[i], below)
	}
	return nil
}

// checkLeaf checks the order of a leaf page's keys, that its values are within
// the page, and the buckets among them.
func (p *page) checkLeaf(low, high []byte) error {
	keys := make([][]byte, p.count())
	for i := range keys {
		at := pageHeader + i*pageElement
		e, err := p.bytes(at, pageElement)
		if err != nil {
			return err
		}
		key, value := at+int(u32(e[4:])), int(u32(e[8:]))
		if keys[i], err = p.bytes(key, value); err != nil {
			return err
		}
		value, size := key+value, int(u32(e[12:]))
		if size > p.size-value {
			return errOutside
		}
		if u32(e)&elementBucket == 0 {
			continue
		}
		if err := p.checkBucket(value, size); err != nil {
			return fmt.Errorf("bucket %x: %w", keys[i], err)
		}
	}
	return checkKeys(keys, low, high)
}

// checkBucket checks the bucket whose value is at an offset: its pages or, if
// it is kept inside the value, the page there.
func (p *page) checkBucket(at, size int) error {
	if size < bucketHeader {
		return errOutside
	}
	value, err := p.bytes(at, bucketHeader)
	if err != nil {
		return err
	}
	if root := u64(value); root != 0 {
		p.in.checkTree(root, nil, nil)
		return nil
	}
	if size < bucketHeader+pageHeader {
		return errOutside
	}
	if value, err = p.bytes(at, size); err != nil {
		return err
	}
	inside := &page{in: p.in, size: size - bucketHeader, head: value[bucketHeader:]}
	if inside.kind() != pageLeaf {
		return fmt.Errorf("its page is of the wrong kind, %#x", inside.kind())
	}
	return inside.checkLeaf(nil, nil)
}

// bytes returns n bytes at an offset of the page.
func (p *page) bytes(at, n int) ([]byte, error) {
	switch {
	case n > p.size-at:
		return nil, errOutside
	case at+n <= len(p.head):
		return p.head[at : at+n], nil
	}
	b := make([]byte, n)
	_, err := p.in.r.ReadAt(b, int64(p.id)*int64(p.in.pageSize)+int64(at))
	return b, err
}

func (p *page) kind() uint16 { return binary.NativeEndian.Uint16(p.head[8:]) }
func (p *page) count() int   { return int(binary.NativeEndian.Uint16(p.head[10:])) }

// checkKeys checks that keys ascend from low to below high.
func checkKeys(keys [][]byte, low, high []byte) error {
	for i, k := range keys {
		switch {
		case i == 0 && low != nil && bytes.Compare(k, low) < 0,
			i > 0 && bytes.Compare(k, keys[i-1]) <= 0,
			high != nil && bytes.Compare(k, high) >= 0:
			return fmt.Errorf("key %x is out of order", k)
		}
	}
	return nil
}

func u32(b []byte) uint32 { return binary.NativeEndian.Uint32(b) }
func u64(b []byte) uint64 { return binary.NativeEndian.Uint64(b) }
