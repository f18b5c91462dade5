package store

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"go.etcd.io/bbolt"

	"keeptrack/tracker"
)

// filled is a file with a base, some of whose shards have pages of their own, a
// journal and free pages. It takes a while to make.
var filled struct {
	once  sync.Once
	bytes []byte
	all   map[tracker.InfoHash]tracker.Record
}

// filledFile returns the path of a closed file, filled, and what is in it,
// which is not to be changed.
func filledFile(t *testing.T) (path string, all map[tracker.InfoHash]tracker.Record) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "test.db")
	filled.once.Do(func() {
		s, src := openLoaded(t, path)
		s.limits.batch = 300
		for version := range uint32(6) {
			for i := range 20_000 {
				if i%(1+int(version)*20) == 0 {
					r := record(i, 1000+version)
					r.InfoHash[0] %= 40
					src.put(r)
				}
			}
			checkpoint(t, s, src)
		}
		closeStore(t, s)
		filled.bytes, filled.all = read(t, path), src.all()
	})
	write(t, path, filled.bytes)
	return path, filled.all
}

// wantSound fails the test if Verify finds anything.
func wantSound(t *testing.T, path string) {
	t.Helper()
	findings, err := Verify(path)
	if err != nil {
		t.Error(err)
	}
	for _, f := range findings {
		t.Errorf("%s: %v", path, f)
	}
}

// TestVerifyDamageAnywhere damages files at random. Whatever it is, it is found
// or makes no difference; nothing brings the check down.
func TestVerifyDamageAnywhere(t *testing.T) {
	path, all := filledFile(t)
	wantSound(t, path)
	whole := read(t, path)
	pageSize := os.Getpagesize()
	pages := len(whole) / pageSize
	damages := []struct {
		name string
		do   func(rng *rand.Rand, b []byte) []byte
	}{
		{"a bit flipped", func(rng *rand.Rand, b []byte) []byte {
			b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
			return b
		}},
		{"a byte of a page's beginning changed", func(rng *rand.Rand, b []byte) []byte {
			b[rng.IntN(pages)*pageSize+rng.IntN(64)] = byte(rng.Uint32())
			return b
		}},
		{"a page zeroed", func(rng *rand.Rand, b []byte) []byte {
			at := rng.IntN(pages) * pageSize
			clear(b[at : at+pageSize])
			return b
		}},
		{"a page in another's place", func(rng *rand.Rand, b []byte) []byte {
			from, to := rng.IntN(pages)*pageSize, rng.IntN(pages)*pageSize
			copy(b[to:to+pageSize], b[from:from+pageSize])
			return b
		}},
		{"cut short", func(rng *rand.Rand, b []byte) []byte { return b[:rng.IntN(len(b))] }},
	}
	for _, d := range damages {
		t.Run(d.name, func(t *testing.T) {
			found := 0
			for seed := range uint64(25) {
				path := filepath.Join(t.TempDir(), "damaged.db")
				write(t, path, d.do(rand.New(rand.NewPCG(seed, 1)), bytes.Clone(whole)))
				findings, err := Verify(path)
				if err != nil || len(findings) > 0 {
					found++
					continue
				}
				s := openStore(t, path)
				wantRecords(t, loadAll(t, s), all)
				closeStore(t, s)
				if t.Failed() {
					t.Fatalf("seed %d", seed)
				}
			}
			if found == 0 {
				t.Error("nothing was found: the test does not test")
			}
		})
	}
}

// TestFreePages compares the number of free pages with what bbolt says.
func TestFreePages(t *testing.T) {
	path, _ := filledFile(t)
	db, err := bbolt.Open(path, 0o600, options())
	if err != nil {
		t.Fatal(err)
	}
	want := db.Stats().FreePageN
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := Inspect(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	if info.FreePages != want || want == 0 {
		t.Errorf("%d free pages, bbolt has %d", info.FreePages, want)
	}
}
