package store

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"keeptrack/migrations"
	"keeptrack/tracker"
	"keeptrack/tracker/override"
)

var longNumber = regexp.MustCompile(`\t\d{19,}\t`)

// atMostLargest returns a field with the largest count if its own is larger.
func atMostLargest(field []byte) []byte {
	if n, err := strconv.ParseUint(string(bytes.TrimSpace(field)), 10, 64); err == nil && n <= tracker.MaxDownloaded {
		return field
	}
	return []byte("\t9223372036854775807\t")
}

// newest is the version of the schema.
var newest = len(migrations.Steps)

// frozen returns a copy of the file that an early build of a schema version
// wrote, and its text.
func frozen(t *testing.T, version int) (path string, text []byte) {
	t.Helper()
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("bbolt writes numbers in the machine's byte order") //nolint:forbidigo // the files are of a machine with the other order
	}
	name := filepath.Join("testdata", "v"+strconv.Itoa(version))
	path = filepath.Join(t.TempDir(), "test.db")
	write(t, path, read(t, name+".db"))
	text = read(t, name+".txt")
	return path, longNumber.ReplaceAllFunc(text, atMostLargest) // counting went to 2^64-1 once
}

// wantText fails the test unless the file, of the newest version, has the text.
func wantText(t *testing.T, path string, want []byte) {
	t.Helper()
	var text bytes.Buffer
	if n, err := Export(path, &text); err != nil || n != bytes.Count(want, []byte("\n")) {
		t.Errorf("%d records, %v", n, err)
	}
	records, floors := bytes.CutPrefix(text.Bytes(), []byte("#floors\n"))
	if !floors || !bytes.Equal(records, want) {
		t.Error("another text than when it was written, or no line about floors")
	}
}

// TestFrozen reads files that early builds wrote, with base, journal and
// removals: those of users must stay readable, and are migrated. They are never
// made anew.
func TestFrozen(t *testing.T) {
	for version := 1; version < newest; version++ {
		t.Run("version "+strconv.Itoa(version), func(t *testing.T) {
			path, want := frozen(t, version)
			wantSound(t, path)
			var steps []string
			for _, step := range migrations.Steps[version:] {
				steps = append(steps, step.Name)
			}
			if plan, err := PlanMigration(path); err != nil || plan.From != version || !slices.Equal(plan.Steps, steps) {
				t.Errorf("%+v, %v", plan, err)
			}
			s, src := openLoaded(t, path)
			closeStore(t, s)
			wantSound(t, path)
			wantText(t, path, want)
			if info, err := Inspect(path, 0); err != nil || info.Version != newest || version < 3 && info.JournalEntries != 0 {
				t.Errorf("%+v, %v", info, err)
			}
			backup := path + ".v" + strconv.Itoa(version) + ".bak"
			wantSound(t, backup)
			again := filepath.Join(t.TempDir(), "again.db") // the copy can be put back
			if err := restore(backup, again); err != nil {
				t.Error(err)
			}
			wantRecords(t, contents(t, again), src.all())
			s, src = openLoaded(t, path)
			src.put(tracker.Record{InfoHash: tracker.InfoHash{1}, LastAnnounce: 1, Downloaded: 1})
			checkpoint(t, s, src)
			closeStore(t, s)
			wantRecords(t, contents(t, path), src.all())
			s = openStore(t, path)
			if o, err := s.Origins(); err != nil || !o.equal(Origins{Floors: true}) {
				t.Errorf("origins %+v, %v", o, err)
			}
			if parts := rawParts(t, s); len(parts) > 0 {
				t.Errorf("parts %v", parts)
			}
		})
	}
}

// TestFrozenKeepsTheRest: what is not records stays through a migration. Overrides
// of versions 2 and 3 stay what they were, decisions about the list of this
// instance alone.
func TestFrozenKeepsTheRest(t *testing.T) {
	for version, sequence := range map[int]uint64{2: 7, 3: 9, 4: 11} {
		path, _ := frozen(t, version)
		s := openStore(t, path)
		floors, err := s.ReplayFloors()
		if err != nil || floors[[4]byte{1, 2, 3, 4}] != 1700000000000000000 || floors[[4]byte{}] != 1600000000000000000 || len(floors) != 2 {
			t.Errorf("version %d: %v, %v", version, floors, err)
		}
		all, err := s.Overrides()
		if err != nil || len(all) != version {
			t.Fatalf("version %d: %+v, %v", version, all, err)
		}
		if version == 4 {
			wantFrozen4(t, s, all)
		}
		for i, d := range []override.Decision{override.LocalAdded, override.LocalTakenOff, override.LocalAdded}[:min(len(all), 3)] {
			if version == 4 {
				break
			}
			o := all[i]
			if o.InfoHash[0] != byte(i+1) || o.Decision != d || o.Origin != (override.Label{}) || o.Time < 1_600_000_000e9 || o.Time%1e9 != 0 {
				t.Errorf("version %d: override %d is %+v", version, i, o)
			}
		}
		if l, err := s.Label(); err != nil || l == (override.Label{}) {
			t.Errorf("version %d: label %q, %v", version, l, err)
		}
		if got := sequenceOf(t, s); got != sequence {
			t.Errorf("version %d: sequence %d, it was %d", version, got, sequence)
		}
	}
}

// wantFrozen4 expects what version 4 has beside records.
func wantFrozen4(t *testing.T, s *Store, all []override.Override) {
	t.Helper()
	for i, d := range []override.Decision{override.Serve, override.Refuse, override.Dropped, override.LocalAdded} {
		if o := all[i]; o.InfoHash[0] != byte(i+1) || o.Decision != d || o.Time/1e9 != 1_700_000_000 || (o.Origin == override.Label{9, 8, 7, 6}) != (i < 3) {
			t.Errorf("override %d is %+v", i, o)
		}
	}
	if at, err := s.OverridesAgreed(); err != nil || at.Unix() != 1_700_006_400 {
		t.Errorf("agreed at %v, %v", at, err)
	}
	if first, err := s.First("keep_peers"); err != nil || first {
		t.Errorf("peers are kept for the first time, %v", err)
	}
}
