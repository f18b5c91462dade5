package boltpage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"go.etcd.io/bbolt"
)

// TestFormatIsOfThisVersion: what is known here of bbolt's format was read from this
// version's internal/common (page.go, inode.go, meta.go, bucket.go) and
// internal/freelist. With another one, compare those, then set it here.
func TestFormatIsOfThisVersion(t *testing.T) {
	const known = "go.etcd.io/bbolt v1.5.0\n"
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(mod), known) {
		t.Errorf("go.mod has no longer %s", known)
	}
}

func TestPagesThatCannotBeRead(t *testing.T) {
	var found []error
	Check(failingReader{}, os.Getpagesize(), func(err error) { found = append(found, err) })
	if len(found) != 1 || !errors.Is(found[0], iotest.ErrTimeout) {
		t.Errorf("found %v, want the reader's error", found)
	}
}

type failingReader struct{}

func (failingReader) ReadAt([]byte, int64) (int, error) { return 0, iotest.ErrTimeout }

// TestManyFreePages has more free pages than a page's count can tell, and
// nested buckets with branch pages.
func TestManyFreePages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{NoSync: true, PageSize: 1024})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, step := range []func(*bbolt.Tx) error{
		func(tx *bbolt.Tx) error {
			a, err := tx.CreateBucket([]byte("a"))
			if err != nil {
				return err
			}
			b, err := tx.CreateBucket([]byte("b"))
			if err != nil {
				return err
			}
			for i := range 1000 {
				if err := b.Put(fmt.Appendf(nil, "key %06d", i), make([]byte, 100)); err != nil {
					return err
				}
			}
			return a.Put([]byte("big"), make([]byte, 80<<20))
		},
		func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte("a")) },
	} {
		if err := db.Update(step); err != nil {
			t.Fatal(err)
		}
	}
	err = db.View(func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			t.Error(err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	free := Check(f, 1024, func(err error) { t.Error(err) })
	if free < 0xffff {
		t.Errorf("%d free pages: the test does not test", free)
	}
}
