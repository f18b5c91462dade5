package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/rs/zerolog"

	"keeptrack/tracker"
)

func export(t *testing.T, path string) string {
	t.Helper()
	var text bytes.Buffer
	n, err := Export(path, &text)
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(text.String(), "\n"); lines != n {
		t.Errorf("%d lines, said to be %d", lines, n)
	}
	return text.String()
}

// importText imports and returns the numbers of the lines refused.
func importText(t *testing.T, path string, text io.Reader) (res Imported, refused []int) {
	t.Helper()
	res, err := Import(path, text, zerolog.Nop(), func(line int, err error) { refused = append(refused, line) })
	if err != nil {
		t.Fatal(err)
	}
	return res, refused
}

func TestRoundTrip(t *testing.T) {
	path, all := filledFile(t)
	text := export(t, path)
	again := testPath(t)
	res, refused := importText(t, again, strings.NewReader(text))
	if want := (Imported{Lines: len(all), Changed: len(all)}); res != want || refused != nil {
		t.Errorf("%+v, refused %v; want %+v", res, refused, want)
	}
	wantSound(t, again)
	if export(t, again) != text {
		t.Error("the second export differs from the first")
	}
	if res, _ := importText(t, again, strings.NewReader(text)); res.Changed != 0 {
		t.Errorf("%d torrents changed by the same text", res.Changed)
	}
	wantRecords(t, contents(t, again), all)
}

func TestExportIsSorted(t *testing.T) {
	path, _ := filledFile(t)
	before := ""
	for line := range strings.Lines(export(t, path)) {
		if line <= before {
			t.Fatalf("%q after %q", line, before)
		}
		before = line
	}
}

func TestExportToAFullDisk(t *testing.T) {
	path, _ := filledFile(t)
	if _, err := Export(path, writerFunc(func([]byte) (int, error) { return 0, errDisk })); !errors.Is(err, errDisk) {
		t.Errorf("error %v, want the disk's", err)
	}
}

func TestImportStateDump(t *testing.T) {
	path := testPath(t)
	const dump = "5024E27A65DA1E1EA6DC6A51168CB2D710CFC5E6:29000000:77\r\n" +
		"00000000000000000000000000000000000000FF:29000001:0"
	if _, refused := importText(t, path, strings.NewReader(dump)); refused != nil {
		t.Errorf("refused %v", refused)
	}
	const want = "00000000000000000000000000000000000000ff\t0\t29000001\n" +
		"5024e27a65da1e1ea6dc6a51168cb2d710cfc5e6\t77\t29000000\n"
	if got := export(t, path); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestImportWithByteOrderMarks reads two files that were put together.
func TestImportWithByteOrderMarks(t *testing.T) {
	path := testPath(t)
	text := "\ufeff# comment\r\n" + someHash + "\t7\t29000000\r\n\ufeff" + strings.Repeat("0", 40) + ":29000000:8\r\n\ufeff"
	res, refused := importText(t, path, strings.NewReader(text))
	if want := (Imported{Lines: 2, Changed: 2}); res != want || refused != nil {
		t.Errorf("%+v, refused %v; want %+v", res, refused, want)
	}
}

func TestImportMergesByMaximum(t *testing.T) {
	a, b := hash(someHash), hash(strings.Repeat("ab", 20))
	line := func(h tracker.InfoHash, minute uint32, n uint64) string {
		return string(AppendLine(nil, tracker.Record{InfoHash: h, LastAnnounce: minute, Downloaded: n}))
	}
	path := testPath(t)
	for _, c := range []struct {
		name, text string
		changed    int
		want       []tracker.Record
	}{
		{"first", line(a, 100, 5), 1, []tracker.Record{{InfoHash: a, LastAnnounce: 100, Downloaded: 5}}},
		{"less", line(a, 99, 4), 0, []tracker.Record{{InfoHash: a, LastAnnounce: 100, Downloaded: 5}}},
		{"later, less", line(a, 200, 4), 1, []tracker.Record{{InfoHash: a, LastAnnounce: 200, Downloaded: 5}}},
		{"earlier, more", line(a, 1, 9), 1, []tracker.Record{{InfoHash: a, LastAnnounce: 200, Downloaded: 9}}},
		{"twice in a text", line(b, 7, 1) + line(a, 300, 0) + line(b, 6, 2) + line(a, 0, 10), 2,
			[]tracker.Record{{InfoHash: a, LastAnnounce: 300, Downloaded: 10}, {InfoHash: b, LastAnnounce: 7, Downloaded: 2}}},
	} {
		res, refused := importText(t, path, strings.NewReader(c.text))
		if res.Changed != c.changed || refused != nil {
			t.Errorf("%s: %+v, refused %v; want %d changed", c.name, res, refused, c.changed)
		}
		want := map[tracker.InfoHash]tracker.Record{}
		for _, r := range c.want {
			want[r.InfoHash] = r
		}
		wantRecords(t, contents(t, path), want)
	}
}

func TestImportRefusesLines(t *testing.T) {
	path := testPath(t)
	good := func(i int) string { return fmt.Sprintf("%040x\t%d\t29000000\n", i, i) }
	long := strings.Repeat("x", 3*maxLine)
	text := "# from elsewhere\n\n" + good(1) + "nonsense\n" + good(2) + long + "\n" + good(3) + "\r\n" + someHash + "\t-1\t1\n" + good(4) + long
	res, refused := importText(t, path, iotest.OneByteReader(strings.NewReader(text)))
	if want := (Imported{Lines: 8, Changed: 4, Refused: 4}); res != want {
		t.Errorf("%+v, want %+v", res, want)
	}
	if got := fmt.Sprint(refused); got != "[4 6 9 11]" {
		t.Errorf("lines %v refused", got)
	}
	if n := len(contents(t, path)); n != 4 {
		t.Errorf("%d torrents, want 4", n)
	}
}

func TestImportReadError(t *testing.T) {
	path, all := filledFile(t)
	torn := errors.New("the pipe broke")
	text := io.MultiReader(strings.NewReader(someHash+"\t1\t1\n"), iotest.ErrReader(torn))
	if _, err := Import(path, text, zerolog.Nop(), nil); !errors.Is(err, torn) || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("error %v, want the reader's and the line", err)
	}
	got := contents(t, path)
	delete(got, hash(someHash)) // may be there or not
	wantRecords(t, got, all)
}

// TestImportManyTimes imports in many steps into a file of many chunks, and
// compares with a plain map.
func TestImportManyTimes(t *testing.T) {
	path := testPath(t)
	want := map[tracker.InfoHash]tracker.Record{}
	for round := range 5 {
		var text bytes.Buffer
		changed := map[tracker.InfoHash]bool{}
		for i := range 7000 {
			at := (i*31 + round*1000) % 9000
			r := tracker.Record{InfoHash: testHash(at%3, at), LastAnnounce: uint32(at + i%5), Downloaded: uint64(i % (round + 2))}
			text.Write(AppendLine(nil, r))
			was, known := want[r.InfoHash]
			if known {
				r.Downloaded, r.LastAnnounce = max(r.Downloaded, was.Downloaded), max(r.LastAnnounce, was.LastAnnounce)
			}
			if !known || r != was {
				changed[r.InfoHash] = true
			}
			want[r.InfoHash] = r
		}
		if res, refused := importText(t, path, &text); res.Changed != len(changed) || refused != nil {
			t.Errorf("round %d: %+v, refused %v; want %d changed", round, res, refused, len(changed))
		}
		wantRecords(t, contents(t, path), want)
	}
}

func TestImportInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	openStore(t, path)
	if _, err := Import(path, strings.NewReader(""), zerolog.Nop(), nil); !errors.Is(err, ErrInUse) {
		t.Errorf("error %v, want ErrInUse", err)
	}
}
