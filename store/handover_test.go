package store

import (
	"io"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"keeptrack/tracker"
)

// withOrigins makes a file with origins and a replay floor.
func withOrigins(t *testing.T, o Origins) string {
	t.Helper()
	path := testPath(t)
	s, src := openLoaded(t, path)
	src.put(record(1, 1))
	src.parts = partsOf{record(1, 1).InfoHash: {testOrigin(1): 1}}
	if _, err := s.Checkpoint(src, Along{Origins: func() *Origins { return &o }, Floors: func() ReplayFloors { return ReplayFloors{{1}: 7} }}); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	return path
}

// originsAtPath returns the origins and the number of replay floors in a file.
func originsAtPath(t *testing.T, path string) (Origins, int) {
	t.Helper()
	wantSound(t, path)
	s := openStore(t, path)
	defer closeStore(t, s)
	o, err := s.Origins()
	if err != nil {
		t.Fatal(err)
	}
	floors, err := s.ReplayFloors()
	if err != nil {
		t.Fatal(err)
	}
	if len(loadAll(t, s)) != 1 || len(loadParts(t, s)) != 1 {
		t.Error("not the records and parts that there were")
	}
	return o, len(floors)
}

// wantMember expects a member heard just now to be the only one known.
func wantMember(t *testing.T, o Origins, name tracker.Origin) {
	t.Helper()
	if len(o.Known) != 1 || o.Known[0].Origin != name || time.Since(o.Known[0].At).Abs() > time.Hour {
		t.Errorf("known are %+v, want %s alone, heard now", o.Known, name)
	}
}

// TestSavedNamesNoPresentOrigin: the instance that a copy is of goes on counting.
func TestSavedNamesNoPresentOrigin(t *testing.T) {
	path := withOrigins(t, Origins{Present: testOrigin(1), Ended: []tracker.Origin{testOrigin(2)}, Folded: []tracker.Origin{testOrigin(3)}})
	out := filepath.Join(t.TempDir(), "copy.db")
	size, err := Save(out, func(w io.Writer) error { return BackupFile(path, w) })
	if err != nil || size != int64(len(read(t, out))) {
		t.Fatalf("%d bytes, %v", size, err)
	}
	o, floors := originsAtPath(t, out)
	wantMember(t, o, testOrigin(1))
	if o.Present != tracker.Nobody || !slices.Equal(o.Ended, []tracker.Origin{testOrigin(2)}) || !slices.Equal(o.Folded, []tracker.Origin{testOrigin(3)}) || floors != 1 {
		t.Errorf("%+v, %d floors", o, floors)
	}
	if o, _ := originsAtPath(t, path); o.Present != testOrigin(1) {
		t.Errorf("the file itself has %+v", o)
	}
}

// TestRestoreEndsWhatItReplaces: the present origin of the copy, if it is a raw one, is
// another's, and those of the file that it replaces have ended.
func TestRestoreEndsWhatItReplaces(t *testing.T) {
	in := withOrigins(t, Origins{Present: testOrigin(1), Ended: []tracker.Origin{testOrigin(2)}, Folded: []tracker.Origin{testOrigin(3)}})
	for name, c := range map[string]struct {
		present, ended tracker.Origin
		want           []tracker.Origin
		member         bool
	}{
		"of another instance": {testOrigin(5), testOrigin(6), []tracker.Origin{testOrigin(2), testOrigin(5), testOrigin(6)}, true},
		"the same":            {testOrigin(1), testOrigin(3), []tracker.Origin{testOrigin(1), testOrigin(2)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			path := withOrigins(t, Origins{Present: c.present, Ended: []tracker.Origin{c.ended}})
			if err := restore(in, path); err != nil {
				t.Fatal(err)
			}
			o, floors := originsAtPath(t, path)
			if o.Present != tracker.Nobody || !slices.Equal(o.Ended, c.want) || !slices.Equal(o.Folded, []tracker.Origin{testOrigin(3)}) || floors != 0 {
				t.Errorf("%+v, %d floors", o, floors)
			}
			if c.member {
				wantMember(t, o, testOrigin(1))
			} else if len(o.Known) != 0 {
				t.Errorf("known are %+v", o.Known)
			}
		})
	}
	t.Run("nothing", func(t *testing.T) {
		path := testPath(t)
		if err := restore(in, path); err != nil {
			t.Fatal(err)
		}
		o, floors := originsAtPath(t, path)
		wantMember(t, o, testOrigin(1))
		if floors != 0 || len(o.Ended) != 1 {
			t.Errorf("%+v, %d floors", o, floors)
		}
	})
}
