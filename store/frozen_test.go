package store

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"keeptrack/tracker"
)

var longNumber = regexp.MustCompile(`\t\d{19,}\t`)

// atMostLargest returns a field with the largest count if its own is larger.
func atMostLargest(field []byte) []byte {
	if n, err := strconv.ParseUint(string(bytes.TrimSpace(field)), 10, 64); err == nil && n <= tracker.MaxDownloaded {
		return field
	}
	return []byte("\t9223372036854775807\t")
}

// TestFrozenVersion1 reads a file that an early build of schema version 1
// wrote, with base, journal and removals: that of users must stay readable, and
// is migrated. It is never made anew.
func TestFrozenVersion1(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("bbolt writes numbers in the machine's byte order")
	}
	path := filepath.Join(t.TempDir(), "v1.db")
	write(t, path, read(t, filepath.Join("testdata", "v1.db")))
	want := read(t, filepath.Join("testdata", "v1.txt"))
	want = longNumber.ReplaceAllFunc(want, atMostLargest) // counting went to 2^64-1 then
	wantSound(t, path)
	wantText := func() {
		t.Helper()
		var text bytes.Buffer
		if n, err := Export(path, &text); err != nil || n != bytes.Count(want, []byte("\n")) {
			t.Errorf("%d records, %v", n, err)
		}
		if !bytes.Equal(text.Bytes(), want) {
			t.Error("another text than when it was written")
		}
	}
	if plan, err := PlanMigration(path); err != nil || plan.From != 1 || !slices.Equal(plan.Steps, []string{"access"}) {
		t.Errorf("%+v, %v", plan, err)
	}
	before := loadedFrom(t, path)
	s, src := openLoaded(t, path)
	wantRecords(t, src.all(), before)
	closeStore(t, s)
	wantSound(t, path)
	wantText()
	if info, err := Inspect(path, 0); err != nil || info.Version != 2 || info.JournalEntries == 0 {
		t.Errorf("%+v, %v", info, err)
	}
	wantSound(t, path+".v1.bak")
	wantRecords(t, loadedFrom(t, path+".v1.bak"), before)
	s, src = openLoaded(t, path)
	checkpoint(t, s, src)
	closeStore(t, s)
	wantText()
}
