package store

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"keeptrack/tracker"
)

// fileWithParts makes a file of many torrents with parts, and returns its path. Some
// rows are of a folded origin, and there is one without a torrent.
func fileWithParts(t *testing.T) string {
	t.Helper()
	path := testPath(t)
	s, src := openLoaded(t, path)
	s.limits.cutting = cutting{target: 30, most: 40}
	src.parts = partsOf{}
	for i := range 300 {
		r := record(i, uint32(1+i))
		r.Downloaded = 5000
		src.put(r)
		for n := range i % 5 {
			src.parts.set(r.InfoHash, testOrigin(n), uint64(i+n)) // the first is an excess
		}
	}
	o := &Origins{Present: testOrigin(1), Ended: []tracker.Origin{testOrigin(2), testOrigin(4)}, Known: []KnownOrigin{{testOrigin(3), time.Unix(1, 0)}}}
	checkpointAlong(t, s, src, o)
	for i := range 20 {
		r := record(i*11, 999)
		r.Downloaded = 6000
		src.put(r)
	}
	o = &Origins{Present: testOrigin(1), Ended: []tracker.Origin{testOrigin(2)}, Folded: []tracker.Origin{testOrigin(9), testOrigin(4)}, Known: o.Known}
	checkpointAlong(t, s, src, o)
	closeStore(t, s)
	wantSound(t, path)
	return path
}

// TestRoundTripWithParts: what is exported with parts and imported into an empty file is
// exported as the same text; imported once more it changes nothing.
func TestRoundTripWithParts(t *testing.T) {
	for name, floors := range map[string]bool{"floors": true, "none": false} {
		t.Run(name, func(t *testing.T) {
			path := fileWithParts(t)
			s := openStore(t, path)
			o, err := s.Origins()
			if err != nil {
				t.Fatal(err)
			}
			o.Floors = floors
			if err := s.SaveOrigins(o); err != nil {
				t.Fatal(err)
			}
			want := loadParts(t, s)
			closeStore(t, s)
			text := exported(t, path)
			if !strings.HasPrefix(text, "#parts\n") || strings.Contains(text, testOrigin(1).String()+"\t0\n") {
				t.Errorf("begins with %q", text[:60])
			}
			again := testPath(t)
			if _, refused := importText(t, again, strings.NewReader(text)); refused != nil {
				t.Errorf("refused %v", refused)
			}
			wantSound(t, again)
			if got := exported(t, again); got != text {
				t.Errorf("another text:\n%s\nwas\n%s", got[:300], text[:300])
			}
			if res, _ := importText(t, again, strings.NewReader(text)); res.Changed != 0 || exported(t, again) != text {
				t.Errorf("%d torrents changed by the same text", res.Changed)
			}
			s = openStore(t, again)
			wantParts(t, loadParts(t, s), want)
			got, err := s.Origins()
			if err != nil || !slices.Equal(got.Folded, o.Folded) || len(got.Known) != 3 || got.Present != tracker.Nobody || got.Floors != floors {
				t.Errorf("%+v, %v", got, err)
			}
			if since := time.Since(got.Known[0].At); since < 0 || since > time.Hour {
				t.Errorf("heard %v ago", since)
			}
		})
	}
}

func exported(t *testing.T, path string) string {
	t.Helper()
	var text bytes.Buffer
	if _, err := Export(path, &text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// TestImportMergesParts: each case is a file with one torrent and what a text makes of
// it, as total, excess and parts of origins.
func TestImportMergesParts(t *testing.T) {
	a, b := testOrigin(1), testOrigin(2)
	h := testHash(1, 1)
	type parts = map[tracker.Origin]uint64
	line := func(total uint64) string { return fmt.Sprintf("%s\t%d\t20\n", h, total) }
	part := func(o tracker.Origin, v uint64) string { return fmt.Sprintf("#part %s\t%s\t%d\n", h, o, v) }
	folded := func(o tracker.Origin) string { return "#folded " + o.String() + "\n" }
	for _, c := range []struct {
		name    string
		origins *Origins // nil: the file has none
		total   uint64   // in the file
		parts   parts
		text    string
		want    uint64
		after   parts
	}{
		{"no origin anywhere", nil, 100, nil, line(120), 120, nil},
		{"no origin here, parts there", nil, 100, nil, part(a, 30) + line(120), 130, parts{a: 30}},
		{"no lines there: a floor", &Origins{Present: a}, 100, parts{a: 30}, line(120), 120, parts{a: 30, {}: 20}},
		{"no lines there, and less", &Origins{Present: a}, 100, parts{a: 30}, line(90), 100, parts{a: 30}},
		{"parts by maximum", &Origins{Present: a}, 100, parts{a: 30, b: 5}, part(a, 20) + part(b, 9) + line(50), 104, parts{a: 30, b: 9}},
		{"nobody's by maximum", &Origins{Present: a}, 100, parts{a: 30}, "#parts\n" + line(90), 120, parts{a: 30}},
		{"folded there", &Origins{Present: a}, 100, parts{a: 30, b: 50}, folded(b) + line(60), 100, parts{a: 30}},
		{"folded here", &Origins{Present: a, Folded: []tracker.Origin{b}}, 100, parts{a: 30}, part(b, 40) + line(60), 100, parts{a: 30}},
		{"a floor there", &Origins{Present: a}, 100, parts{a: 30}, part(tracker.Nobody, 80) + line(150), 150, parts{a: 30, {}: 50}},
		{"a floor here", &Origins{Present: a}, 100, parts{a: 30, {}: 60}, part(b, 20) + line(20), 100, parts{a: 30, b: 20, {}: 40}},
		{"all floors here", &Origins{Present: a, Floors: true}, 100, parts{a: 30}, part(b, 20) + line(90), 120, parts{a: 30, b: 20, {}: 0}},
		{"all floors there", &Origins{Present: a}, 100, parts{a: 30}, "#parts\n#floors\n" + part(b, 20) + line(150), 150, parts{a: 30, b: 20, {}: 30}},
		{"the same twice", &Origins{Present: a}, 100, parts{a: 30}, part(b, 20) + line(30) + part(b, 10) + line(40), 120, parts{a: 30, b: 20}},
		{"other comments", nil, 100, nil, "#part\n#parts of it\n#folded\n# part\n" + line(120), 120, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := testPath(t)
			s, src := openLoaded(t, path)
			src.put(tracker.Record{InfoHash: h, LastAnnounce: 10, Downloaded: c.total})
			src.parts = partsOf{h: c.parts}
			checkpointAlong(t, s, src, c.origins)
			closeStore(t, s)
			if _, refused := importText(t, path, strings.NewReader(c.text)); refused != nil {
				t.Errorf("refused %v", refused)
			}
			s, src = openLoaded(t, path)
			if got := src.torrents[h].record.Downloaded; got != c.want {
				t.Errorf("total %d, want %d", got, c.want)
			}
			if got := loadParts(t, s)[h]; !maps.Equal(got, c.after) {
				t.Errorf("parts %v, want %v", got, c.after)
			}
			closeStore(t, s)
			wantSound(t, path)
		})
	}
}

// TestImportRefusesPartLines: those that make no sense are refused with their numbers,
// and the rest is imported.
func TestImportRefusesPartLines(t *testing.T) {
	h, o := someHash, testOrigin(1).String()
	text := strings.Join([]string{
		"#folded 12",                                     // 1
		"#folded 0000000000000000",                       // 2
		"#part " + h + "\t" + o,                          // 3
		"#part " + h[1:] + "\t" + o + "\t1",              // 4
		"#part " + h + "\t" + o[1:] + "\t1",              // 5
		"#part " + h + "\t" + o + "\t-1",                 // 6
		"#part " + h + "\t" + o + "\t7",                  // and 8, alone
		"#part " + h + "\t" + o + "\t7",                  // 8: twice
		"00000000000000000000000000000000000000ff\t9\t9", // not theirs
		"#part " + h + "\t" + o + "\t5",                  // 10
		h + "\t6\t9",
		"#part " + h + "\t" + o + "\t5", // 12, at the end
	}, "\n")
	path := testPath(t)
	res, refused := importText(t, path, strings.NewReader(text))
	slices.Sort(refused)
	if want := []int{1, 2, 3, 4, 5, 6, 7, 8, 12}; !slices.Equal(refused, want) || res.Refused != len(want) || res.Lines != 2 {
		t.Errorf("%+v, refused %v, want %v", res, refused, want)
	}
	s, src := openLoaded(t, path)
	if got := src.torrents[hash(h)].record.Downloaded; got != 6 {
		t.Errorf("%d downloads, want 6", got)
	}
	wantParts(t, loadParts(t, s), partsOf{hash(h): {testOrigin(1): 5}})
}

// FuzzPartLine: whatever parses is appended as a line that parses to the same.
func FuzzPartLine(f *testing.F) {
	f.Add([]byte("#part " + someHash + "\t0100000000000001\t7"))
	f.Add([]byte("#folded 0100000000000001"))
	f.Add([]byte("#part \t\t"))
	f.Fuzz(func(t *testing.T, line []byte) {
		if text, ok := bytes.CutPrefix(line, []byte(partPrefix)); ok {
			p, err := parsePartLine(text)
			if err != nil {
				return
			}
			text = bytes.TrimSuffix(bytes.TrimPrefix(appendPartLine(nil, p), []byte(partPrefix)), []byte("\n"))
			if again, err := parsePartLine(text); err != nil || again != p {
				t.Errorf("%q is %+v, then %+v, %v", line, p, again, err)
			}
		}
		if text, ok := bytes.CutPrefix(line, []byte(foldedPrefix)); ok {
			o, err := parseFolded(text)
			if err == nil && string(appendFolded(nil, o)) != foldedPrefix+strings.ToLower(string(text))+"\n" {
				t.Errorf("%q is %s", line, o)
			}
		}
		d := newDumpReader(Origins{}, 0, func(int, error) {})
		if err := d.comment(append([]byte("#"), line...), 1); err == nil && len(d.waiting) > 1 {
			t.Errorf("%q makes %v", line, d.waiting)
		}
	})
}
