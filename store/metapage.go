package store

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
)

var errMeta = errors.New("neither meta page is valid")

// readMeta returns the newer of the two meta pages' contents, among those whose
// checksum is right.
func readMeta(r io.ReaderAt, pageSize int) ([]byte, error) {
	var newest []byte
	for i := range int64(2) {
		meta := make([]byte, metaSize)
		if _, err := r.ReadAt(meta, i*int64(pageSize)+pageHeader); err != nil {
			return nil, fmt.Errorf("meta page %d: %w", i, err)
		}
		sum := fnv.New64a()
		sum.Write(meta[:metaSize-8])
		if sum.Sum64() != u64(meta[metaSize-8:]) {
			continue
		}
		if newest == nil || u64(meta[48:]) > u64(newest[48:]) {
			newest = meta
		}
	}
	if newest == nil {
		return nil, errMeta
	}
	return newest, nil
}

// sameState reports whether two bbolt files are of the same state of the same
// database: their newer meta pages and all pages in use are the same. What is
// in free pages makes no difference.
func sameState(a, b io.ReaderAt, pageSize int) (bool, error) {
	metaA, err := readMeta(a, pageSize)
	if err != nil {
		return false, err
	}
	metaB, err := readMeta(b, pageSize)
	if err != nil || !bytes.Equal(metaA, metaB) {
		return false, nil // whatever b is, it is not the same
	}
	var damage error
	c := checkTrees(a, pageSize, metaA, func(err error) { damage = err })
	if damage != nil {
		return false, damage
	}
	pageA, pageB := make([]byte, pageSize), make([]byte, pageSize)
	for id, used := range c.seen {
		if id < 2 || !used {
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
