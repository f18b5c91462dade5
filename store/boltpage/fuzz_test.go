package boltpage

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"
	"os"
	"testing"
)

// FuzzCheck changes bytes of a sound file, which are given as offset, 3
// bytes, and value, 1 byte, and makes the meta pages' checksums right again.
// Whatever is in the pages, looking at them comes to an end and brings nothing
// down.
func FuzzCheck(f *testing.F) {
	const pageSize = 4096
	whole, err := os.ReadFile("../testdata/v1.db")
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{})
	f.Add([]byte{0, 0, pageHeader + 16, 9}) // the root is another page
	f.Add([]byte{0, 0, pageHeader + 32, 9}) // the free pages are
	for id := range byte(len(whole) / pageSize) {
		f.Add([]byte{id >> 4, id << 4, 8, 1})  // another kind
		f.Add([]byte{id >> 4, id << 4, 10, 9}) // more keys
		f.Add([]byte{id >> 4, id << 4, 12, 1}) // more pages
		f.Add([]byte{id >> 4, id << 4, 24, 9}) // another page below, or key
	}
	b := make([]byte, len(whole))
	f.Fuzz(func(t *testing.T, edits []byte) {
		copy(b, whole)
		for ; len(edits) >= 4; edits = edits[4:] {
			b[(int(edits[0])<<16|int(edits[1])<<8|int(edits[2]))%len(b)] = edits[3]
		}
		for i := range 2 {
			meta := b[i*pageSize+pageHeader:][:metaSize]
			if end := u64(meta[40:]); end > uint64(len(whole)/pageSize) {
				return // longer than the file, which is found before
			}
			sum := fnv.New64a()
			sum.Write(meta[:metaSize-8])
			binary.NativeEndian.PutUint64(meta[metaSize-8:], sum.Sum64())
		}
		found := 0
		free := Check(bytes.NewReader(b), pageSize, func(error) { found++ })
		if found == 0 && free > len(whole)/pageSize {
			t.Errorf("%d free pages", free)
		}
	})
}
