package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"keeptrack/tracker"
)

// twoStates makes a file that was written to twice, and returns what each
// checkpoint left in it.
func twoStates(t *testing.T) (path string, before, after map[tracker.InfoHash]tracker.Record) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "test.db") // not to be found whole at the end
	s, src := openLoaded(t, path)
	src.put(record(1, 1))
	checkpoint(t, s, src)
	before = maps.Clone(src.all())
	src.put(record(2, 2))
	checkpoint(t, s, src)
	closeStore(t, s)
	return path, before, src.all()
}

// copied returns a copy as backups make it, whose meta pages are not where bbolt
// would have written them if its last transaction has an odd number.
func copied(t *testing.T, path string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "copy.db")
	if err := saveCopy(out, path); err != nil {
		t.Fatal(err)
	}
	return out
}

func saveCopy(out, path string) error {
	_, err := Save(out, func(w io.Writer) error { return BackupFile(path, w) })
	return err
}

// metaDamages are ways to damage a page.
var metaDamages = map[string]func(page []byte){
	"zeroed":           func(page []byte) { clear(page) },
	"mark flipped":     func(page []byte) { page[16] ^= 0xff },
	"contents flipped": func(page []byte) { page[60] ^= 0xff },
	"header flipped":   func(page []byte) { page[8] ^= 0xff },
	"the other one": func(page []byte) {
		page[0] ^= 1 // a meta page that is whole, in the wrong place
	},
}

// damageMeta damages a meta page of a file.
func damageMeta(t *testing.T, path string, page int, do func(page []byte)) {
	t.Helper()
	b := read(t, path)
	do(b[page*os.Getpagesize():][:os.Getpagesize()])
	write(t, path, b)
}

// TestVerifyMetaPages changes every byte that a meta page has in turn.
func TestVerifyMetaPages(t *testing.T) {
	path, _, _ := twoStates(t)
	wantSound(t, path)
	whole := read(t, path)
	for page := range 2 {
		for at := range 16 + 64 {
			b := bytes.Clone(whole)
			b[page*os.Getpagesize()+at] ^= 0xff
			write(t, path, b)
			findings, err := Verify(path)
			if want := fmt.Sprintf("meta page %d: ", page); err != nil || len(findings) != 1 || !strings.HasPrefix(findings[0].Error(), want) {
				t.Errorf("page %d, byte %d: found %v, %v", page, at, findings, err)
			}
		}
	}
}

// TestOneMetaPageDamaged: the file is opened with a warning, as of the last
// transaction or the one before, and becomes whole again.
func TestOneMetaPageDamaged(t *testing.T) {
	for name, do := range metaDamages {
		for page := range 2 {
			for _, backup := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, page %d, of a backup %v", name, page, backup), func(t *testing.T) {
					path, before, after := twoStates(t)
					if backup {
						path, before = copied(t, path), after
					}
					damageMeta(t, path, page, do)
					wantHealing(t, path, fmt.Sprintf("meta page %d: ", page), before, after)
				})
			}
		}
	}
}

// wantHealing opens a file whose damage, with one of the two contents.
func wantHealing(t *testing.T, path, damage string, before, after map[tracker.InfoHash]tracker.Record) {
	t.Helper()
	findings, err := Verify(path)
	if err != nil || len(findings) != 1 || !strings.HasPrefix(findings[0].Error(), damage) {
		t.Errorf("found %v, %v, want %q", findings, err, damage)
	}
	info, err := Inspect(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	if info.Damage == nil || !strings.Contains(info.Damage.Error(), damage) {
		t.Errorf("inspected: damage %v, want %q", info.Damage, damage)
	}
	var log bytes.Buffer
	s, err := Open(path, zerolog.New(&log))
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, s)
	if strings.Count(log.String(), `"level":"warn"`) != 1 || !strings.Contains(log.String(), damage) {
		t.Errorf("log %q, want one warning of %q", &log, damage)
	}
	got, src := loadAll(t, s), newFakeSource()
	if !maps.Equal(got, before) && !maps.Equal(got, after) {
		t.Errorf("%d torrents, neither what is in the file nor what was before", len(got))
	}
	for _, r := range got {
		src.load(r)
	}
	for i := range 2 {
		src.put(record(10+i, 10))
		checkpoint(t, s, src)
	}
	closeStore(t, s)
	wantSound(t, path)
	wantRecords(t, contents(t, path), src.all())
}

// TestMetaPageRefusals: what would make a copy or write without telling anybody
// takes no file with a damaged meta page, and leaves it as it is.
func TestMetaPageRefusals(t *testing.T) {
	for name, run := range map[string]func(path string) error{
		"backup":  func(path string) error { return saveCopy(path+".copy", path) },
		"restore": func(path string) error { return restore(path, path+".restored") },
		"compact": func(path string) error { _, _, err := Compact(path); return err },
		"migrate": func(path string) error { _, err := PlanMigration(path); return err },
		"export":  func(path string) error { _, err := Export(path, &bytes.Buffer{}); return err },
		"import": func(path string) error {
			_, err := Import(path, strings.NewReader(""), zerolog.Nop(), func(int, error) {})
			return err
		},
	} {
		for page := range 2 {
			path, _, _ := twoStates(t)
			damageMeta(t, path, page, metaDamages["contents flipped"])
			b := read(t, path)
			if err := run(path); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), fmt.Sprintf("meta page %d: ", page)) {
				t.Errorf("%s: error %v, want ErrDamaged by meta page %d", name, err, page)
			}
			if !bytes.Equal(read(t, path), b) {
				t.Errorf("%s: the file has changed", name)
			}
			wantAlone(t, filepath.Dir(path), "test.db")
		}
	}
}

// TestOpenRefusesBothMetaPagesDamaged: nothing can be told of such a file.
func TestOpenRefusesBothMetaPagesDamaged(t *testing.T) {
	for name, do := range metaDamages {
		t.Run(name, func(t *testing.T) {
			path, _, _ := twoStates(t)
			damageMeta(t, path, 0, do)
			damageMeta(t, path, 1, do)
			wantRefused(t, path)
		})
	}
}

// TestOpenRefusesNothingLeft: a compact file is written in one transaction, and
// by the other meta page looks as if it were still to be made.
func TestOpenRefusesNothingLeft(t *testing.T) {
	path, _, _ := twoStates(t)
	if _, _, err := Compact(path); err != nil {
		t.Fatal(err)
	}
	damageMeta(t, path, 0, metaDamages["zeroed"])
	wantRefused(t, path)
	if findings, err := Verify(path); err != nil || len(findings) == 0 || !strings.HasPrefix(findings[0].Error(), "meta page 0: ") {
		t.Errorf("found %v, %v", findings, err)
	}
}

// wantRefused fails the test unless a file is neither opened nor sound, and is
// left as it is.
func wantRefused(t *testing.T, path string) {
	t.Helper()
	b := read(t, path)
	if s, err := Open(path, zerolog.Nop()); err == nil {
		t.Error("opened")
		closeStore(t, s)
	} else if !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want one with the path", err)
	}
	if findings, err := Verify(path); err == nil && len(findings) == 0 {
		t.Error("verifies")
	}
	if !bytes.Equal(read(t, path), b) {
		t.Error("the file has changed")
	}
}
