package boltpage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
)

// meta is one of the two meta pages, which say where everything else is. A
// transaction is done when it has written one of them; the other one is then as of
// the transaction before.
type meta struct {
	contents []byte // metaSize bytes
	usable   bool   // bbolt goes by it, if the other one is not newer
	damage   error  // nil if nothing is wrong with it
}

// MetaError says what is wrong with one meta page.
type MetaError struct {
	Page int // 0 or 1
	Err  error
}

func (e *MetaError) Error() string { return fmt.Sprintf("meta page %d: %v", e.Page, e.Err) }

// Unwrap returns what is wrong.
func (e *MetaError) Unwrap() error { return e.Err }

// CheckMetas returns a *MetaError unless both meta pages are whole, or an error in
// reading them.
func CheckMetas(r io.ReaderAt, pageSize int) error {
	metas, err := readMetas(r, pageSize)
	if err != nil {
		return err
	}
	for i, m := range metas {
		if m.damage != nil {
			return &MetaError{i, m.damage}
		}
	}
	return nil
}

// readMetas reads and judges both meta pages. An error is one in reading.
func readMetas(r io.ReaderAt, pageSize int) (metas [2]meta, err error) {
	for i := range metas {
		b := make([]byte, pageHeader+metaSize)
		if _, err := r.ReadAt(b, int64(i)*int64(pageSize)); err != nil {
			return metas, fmt.Errorf("meta page %d: %w", i, err)
		}
		m := &metas[i]
		m.contents = b[pageHeader:]
		m.damage = checkContents(m.contents)
		m.usable = m.damage == nil
		if m.usable {
			m.damage = checkHeader(b, uint64(i))
		}
	}
	return metas, nil
}

var errChecksum = errors.New("the checksum does not match")

// checkContents checks what bbolt itself checks before it goes by a meta page.
func checkContents(meta []byte) error {
	sum := fnv.New64a()
	sum.Write(meta[:metaSize-8])
	switch {
	case u32(meta) != metaMagic:
		return fmt.Errorf("begins with %#x, which is not bbolt's mark", u32(meta))
	case u32(meta[4:]) != metaVersion:
		return fmt.Errorf("is of version %d of bbolt's format, not %d", u32(meta[4:]), metaVersion)
	case sum.Sum64() != u64(meta[metaSize-8:]):
		return errChecksum
	}
	return nil
}

// checkHeader checks what comes before a meta page's contents, which its
// checksum does not cover.
func checkHeader(b []byte, id uint64) error {
	switch kind := binary.NativeEndian.Uint16(b[8:]); {
	case u64(b) != id:
		return fmt.Errorf("says that it is page %d", u64(b))
	case kind != pageMeta:
		return fmt.Errorf("is of the wrong kind, %#x", kind)
	case binary.NativeEndian.Uint16(b[10:]) != 0 || u32(b[12:]) != 0:
		return errors.New("says that it has elements or further pages")
	}
	return nil
}

// newest returns the contents of the newer meta page, among those that bbolt goes
// by. One of the two must be whole.
func newest(metas [2]meta) ([]byte, error) {
	a, b := metas[0], metas[1]
	switch {
	case a.damage != nil && b.damage != nil:
		return nil, fmt.Errorf("both meta pages are damaged: page 0: %w; page 1: %w", a.damage, b.damage)
	case !a.usable, b.usable && u64(b.contents[48:]) > u64(a.contents[48:]):
		return b.contents, nil
	}
	return a.contents, nil
}

// SameState reports whether two bbolt files are of the same state of the same
// database: their meta pages and all pages in use are the same. What is in free
// pages makes no difference.
func SameState(a, b io.ReaderAt, pageSize int) (bool, error) {
	metas, err := readMetas(a, pageSize)
	if err != nil {
		return false, err
	}
	contents, err := newest(metas)
	if err != nil {
		return false, err
	}
	var damage error
	c := checkTrees(a, pageSize, contents, func(err error) { damage = err })
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
