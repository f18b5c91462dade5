package boltpage

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
)

const smallPage = 1024

// treeFile returns a file with a bucket whose tree has branch pages, and the number
// of one that is in use and has leaves below.
func treeFile(t *testing.T) (file []byte, branch uint64) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.db")
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{NoSync: true, PageSize: smallPage})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucket([]byte("b"))
		for i := 0; i < 1000 && err == nil; i++ {
			err = b.Put(fmt.Appendf(nil, "key %06d", i), make([]byte, 100))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if file, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	metas, err := readMetas(bytes.NewReader(file), smallPage)
	if err != nil {
		t.Fatal(err)
	}
	meta, err := newest(metas)
	if err != nil {
		t.Fatal(err)
	}
	used := checkTrees(bytes.NewReader(file), smallPage, meta, func(err error) { t.Error(err) }).seen
	for id := range uint64(len(used)) {
		if page := file[id*smallPage:]; used[id] && page[8] == pageBranch && file[childOf(page, 0)*smallPage+8] == pageLeaf {
			return file, id
		}
	}
	t.Fatal("no branch page has leaves below")
	return nil, 0
}

// childOf returns the number of the page that element i of a branch page leads to.
func childOf(page []byte, i int) uint64 { return u64(page[pageHeader+i*pageElement+8:]) }

// TestDamageIsFound holds that keys are within the bounds of every page below a
// branch, and that a page is of the kind that it is used as.
func TestDamageIsFound(t *testing.T) {
	whole, id := treeFile(t)
	n := int(binary.NativeEndian.Uint16(whole[id*smallPage+10:]))
	setKind := func(kind byte) func([]byte) { return func(leaf []byte) { leaf[8] = kind } }
	// key returns the key of element i of a leaf.
	key := func(leaf []byte, i int) []byte {
		e := leaf[pageHeader+i*pageElement:]
		return e[u32(e[4:]):][:u32(e[8:])]
	}
	last := func(leaf []byte) int { return int(binary.NativeEndian.Uint16(leaf[10:])) - 1 }
	var next []byte // first key of the page after the damaged one
	for _, c := range []struct {
		name   string
		damage func(leaf []byte)
		want   string
	}{
		{"a free list", setKind(pageFreelist), "wrong kind"},
		{"a meta page", setKind(pageMeta), "wrong kind"},
		{"two kinds", setKind(pageLeaf | pageBranch), "wrong kind"},
		{"no kind", setKind(0), "wrong kind"},
		{"first key below the branch's", func(leaf []byte) { clear(key(leaf, 0)) }, "out of order"},
		{"last key as the next page's first", func(leaf []byte) { copy(key(leaf, last(leaf)), next) }, "out of order"},
		{"keys in disorder", func(leaf []byte) { copy(key(leaf, 1), key(leaf, 0)) }, "out of order"},
	} {
		for child := range n - 1 { // nothing follows the last one in its branch
			file := bytes.Clone(whole)
			next = key(file[childOf(file[id*smallPage:], child+1)*smallPage:], 0)
			c.damage(file[childOf(file[id*smallPage:], child)*smallPage:])
			var found []string
			Check(bytes.NewReader(file), smallPage, func(err error) { found = append(found, err.Error()) })
			if !strings.Contains(strings.Join(found, "\n"), c.want) {
				t.Errorf("%s, child %d of %d: found %q, want %q", c.name, child, n, found, c.want)
			}
		}
	}
}
