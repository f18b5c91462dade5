package store

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"keeptrack/tracker"
)

// testOrigin returns an origin that stands for a number, from 1 on.
func testOrigin(n int) tracker.Origin { return tracker.Origin{0: byte(n), 7: byte(n)} }

// partsOf are the parts of torrents, by torrent and origin.
type partsOf map[tracker.InfoHash]map[tracker.Origin]uint64

func (p partsOf) set(h tracker.InfoHash, o tracker.Origin, value uint64) {
	if p[h] == nil {
		p[h] = map[tracker.Origin]uint64{}
	}
	p[h][o] = value
}

// list returns the parts of a torrent in no order.
func (p partsOf) list(h tracker.InfoHash) (all []tracker.Part) {
	for o, v := range p[h] {
		all = append(all, tracker.Part{Origin: o, Value: v})
	}
	return all
}

// loadParts returns what LoadParts does.
func loadParts(t *testing.T, s *Store) partsOf {
	t.Helper()
	all := partsOf{}
	var last tracker.TorrentPart
	err := s.LoadParts(func(p tracker.TorrentPart) {
		if h := compareHashes(last.InfoHash, p.InfoHash); h > 0 || h == 0 && compareParts(last.Part, p.Part) >= 0 && len(all) > 0 {
			t.Errorf("%+v is loaded after %+v", p, last)
		}
		all.set(p.InfoHash, p.Origin, p.Value)
		last = p
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func wantParts(t *testing.T, got, want partsOf) {
	t.Helper()
	for h := range got {
		if !maps.Equal(got[h], want[h]) {
			t.Errorf("%s has parts %v, want %v", h, got[h], want[h])
		}
	}
	for h := range want {
		if got[h] == nil {
			t.Errorf("%s has no parts, want %v", h, want[h])
		}
	}
}

// along returns an Along with origins.
func along(o *Origins) Along { return Along{Origins: func() *Origins { return o }} }

// checkpointAlong writes a checkpoint with origins.
func checkpointAlong(t *testing.T, s *Store, src Source, o *Origins) Result {
	t.Helper()
	res, err := s.Checkpoint(src, along(o))
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// TestOriginsAreKept: what was saved is there after a restart, and a folded origin
// stays one whatever is saved.
func TestOriginsAreKept(t *testing.T) {
	path := testPath(t)
	s, _ := openLoaded(t, path)
	if o, err := s.Origins(); err != nil || !o.equal(Origins{}) {
		t.Errorf("a new file has %+v, %v", o, err)
	}
	at := time.Unix(1_700_000_000, 5).UTC()
	o := Origins{Present: testOrigin(1), Ended: []tracker.Origin{testOrigin(2), testOrigin(3)},
		Folded: []tracker.Origin{testOrigin(9), testOrigin(4)}, Known: []KnownOrigin{{testOrigin(5), at}}, Alone: at, Floors: true}
	if err := s.SaveOrigins(o); err != nil {
		t.Fatal(err)
	}
	s, src := reopen(t, s)
	if got, err := s.Origins(); err != nil || !got.equal(o) {
		t.Errorf("%+v, %v, want %+v", got, err, o)
	}
	next := Origins{Present: testOrigin(6), Ended: []tracker.Origin{testOrigin(1), testOrigin(9)}, Folded: []tracker.Origin{testOrigin(2)}}
	if res := checkpointAlong(t, s, src, &next); res.Bytes == 0 { // without changes
		t.Error("nothing was written")
	}
	want := Origins{Present: testOrigin(6), Ended: []tracker.Origin{testOrigin(1)}, Folded: []tracker.Origin{testOrigin(9), testOrigin(4), testOrigin(2)}}
	if got, err := s.Origins(); err != nil || !got.equal(want) {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	before := read(t, path)
	if res := checkpointAlong(t, s, src, &next); res.Bytes != 0 || !slices.Equal(before, read(t, path)) {
		t.Errorf("the same again wrote %d bytes", res.Bytes)
	}
	if res, err := s.Checkpoint(src, Along{}); err != nil || res.Bytes != 0 {
		t.Errorf("without origins: %+v, %v", res, err)
	}
	closeStore(t, s)
	wantSound(t, path)
}

func (o Origins) equal(p Origins) bool {
	return o.Present == p.Present && o.Alone.Equal(p.Alone) && o.Floors == p.Floors &&
		slices.Equal(o.Ended, p.Ended) && slices.Equal(o.Folded, p.Folded) && slices.Equal(o.Known, p.Known)
}

// TestPartsAreKept: rows are written with their torrents, and what a change does not
// name stays as it is.
func TestPartsAreKept(t *testing.T) {
	s, src := openLoaded(t, testPath(t))
	s.limits.cutting = cutting{target: 4, most: 6}
	o := &Origins{Present: testOrigin(1), Ended: []tracker.Origin{testOrigin(2), testOrigin(3)}}
	want := partsOf{}
	for i := range 100 {
		r := record(i, 1)
		src.put(r)
		for n := range 1 + i%4 {
			want.set(r.InfoHash, testOrigin(n), uint64(10*i+n+1)) // the first is Nobody
		}
	}
	src.parts = maps.Clone(want)
	checkpointAlong(t, s, src, o)
	for round := range 30 { // all of the base comes round
		for i := range 10 {
			r := record((round*7+i)%100, uint32(2+round))
			src.put(r)
			want.set(r.InfoHash, testOrigin(1), uint64(1000+round))
			src.parts[r.InfoHash] = map[tracker.Origin]uint64{testOrigin(1): uint64(1000 + round)}
		}
		checkpointAlong(t, s, src, o)
	}
	wantParts(t, loadParts(t, s), want)
	s, _ = reopen(t, s)
	wantParts(t, loadParts(t, s), want)
	wantRecords(t, loadAll(t, s), src.all())
	path := s.path
	closeStore(t, s)
	wantSound(t, path)
}

// TestFoldedPartsGo: rows of folded origins and those of 0 are passed over at once and
// leave the file with the rewriting of their chunk.
func TestFoldedPartsGo(t *testing.T) {
	s, src := openLoaded(t, testPath(t))
	s.limits.cutting = cutting{target: 4, most: 6}
	o := &Origins{Present: testOrigin(1), Ended: []tracker.Origin{testOrigin(2)}}
	src.parts = partsOf{}
	for i := range 100 {
		r := record(i, 1)
		src.put(r)
		src.parts.set(r.InfoHash, testOrigin(1), uint64(i+1))
		src.parts.set(r.InfoHash, testOrigin(2), 7)
	}
	checkpointAlong(t, s, src, o)
	o = &Origins{Present: testOrigin(1), Folded: []tracker.Origin{testOrigin(2)}}
	if err := s.SaveOrigins(*o); err != nil {
		t.Fatal(err)
	}
	want := partsOf{}
	for i := range 100 {
		want.set(record(i, 0).InfoHash, testOrigin(1), uint64(i+1))
	}
	wantParts(t, loadParts(t, s), want)
	for round := range 6 {
		for i := range 50 {
			r := record(i, uint32(2+round))
			src.put(r)
			src.parts[r.InfoHash] = map[tracker.Origin]uint64{testOrigin(1): 0, testOrigin(2): 9, testOrigin(3): 5}
			want[r.InfoHash] = map[tracker.Origin]uint64{testOrigin(3): 5}
		}
		checkpointAlong(t, s, src, o)
	}
	wantParts(t, loadParts(t, s), want)
	if n := len(rawParts(t, s)); n != 100 {
		t.Errorf("%d rows are in the file, want 100", n)
	}
}

// rawParts returns all rows in the file.
func rawParts(t *testing.T, s *Store) (all []tracker.TorrentPart) {
	t.Helper()
	err := s.db.View(func(tx *bbolt.Tx) error {
		index, _, err := partTable.in(tx).walk(func(element []byte) { all = append(all, readPart(element)) })
		if s.index.parts != nil && !slices.Equal(index, s.index.parts) {
			t.Errorf("chunks of parts %+v, believed to be %+v", index, s.index.parts)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestPartialChangesWithParts: what a partial change makes of the count, the excess
// and the rows, and what it hears of those.
func TestPartialChangesWithParts(t *testing.T) {
	nobody, a, b := tracker.Nobody, testOrigin(1), testOrigin(2)
	type parts = map[tracker.Origin]uint64
	for _, c := range []struct {
		name        string
		floors      bool
		file        parts // of a torrent with a count of 100, nil: there is none
		here, floor uint64
		count       uint64
		in, want    parts
	}{
		{"told nothing", false, parts{a: 5, nobody: 10}, 3, 0, 103, parts{a: 5, nobody: 10}, parts{a: 5, nobody: 10}},
		{"told less", false, parts{a: 5}, 3, 102, 103, parts{a: 5}, parts{a: 5}},
		{"told more", false, parts{a: 5}, 3, 110, 110, parts{a: 5}, parts{a: 5, nobody: 7}},
		{"told more twice", false, parts{a: 5, nobody: 20}, 3, 110, 110, parts{a: 5, nobody: 20}, parts{a: 5, nobody: 27}},
		{"told more of nothing", false, nil, 3, 110, 110, parts{}, parts{nobody: 107}},
		{"a folded one", false, parts{a: 5, b: 50}, 0, 0, 100, parts{a: 5}, parts{a: 5}},
		{"all a floor", true, parts{a: 5, b: 50}, 0, 0, 100, parts{a: 5, nobody: 95}, parts{a: 5}},
		{"all a floor, and counted", true, parts{a: 5}, 3, 0, 103, parts{a: 5, nobody: 95}, parts{a: 5, nobody: 95}},
		{"all a floor, told more", true, parts{a: 5}, 0, 110, 110, parts{a: 5, nobody: 95}, parts{a: 5}},
		{"no floor any more", true, parts{a: 5, nobody: 0}, 3, 0, 103, parts{a: 5, nobody: 0}, parts{a: 5, nobody: 0}},
		{"an excess above the count", false, parts{a: 5, nobody: 500}, 0, 0, 100, parts{a: 5, nobody: 95}, parts{a: 5, nobody: 95}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, src := openLoaded(t, testPath(t))
			o := &Origins{Present: a, Ended: []tracker.Origin{b}, Floors: c.floors}
			h := testHash(1, 1)
			src.put(record(5, 5)) // or the file would have nothing
			if c.file != nil {
				src.put(tracker.Record{InfoHash: h, LastAnnounce: 10, Downloaded: 100})
				src.parts = partsOf{h: c.file}
			}
			checkpointAlong(t, s, src, o)
			o = &Origins{Present: a, Folded: []tracker.Origin{b}, Floors: c.floors}
			src = newFakeSource()
			src.torrents[h] = &fakeTorrent{dirty: true, partial: true, floor: c.floor,
				record: tracker.Record{InfoHash: h, LastAnnounce: 12, Downloaded: c.here}}
			checkpointAlong(t, s, src, o)
			if got := walked(t, s)[h].Downloaded; got != c.count {
				t.Errorf("count %d, want %d", got, c.count)
			}
			in := partsOf{}
			for _, p := range src.settled.Partial[0].Parts {
				in.set(h, p.Origin, p.Value)
			}
			if !maps.Equal(in[h], c.in) {
				t.Errorf("the file is said to have had %v, want %v", in[h], c.in)
			}
			if got := loadParts(t, s)[h]; !maps.Equal(got, c.want) {
				t.Errorf("parts %v, want %v", got, c.want)
			}
		})
	}
}

// TestPartsOfWhatGoes: with a torrent its rows go, and those of one that has come back
// in the same batch are those that it has then.
func TestPartsOfWhatGoes(t *testing.T) {
	a, h := testOrigin(1), testHash(1, 1)
	o := &Origins{Present: a}
	removed := tracker.Change{Record: tracker.Record{InfoHash: h}, Removed: true}
	back := tracker.Change{Record: tracker.Record{InfoHash: h, LastAnnounce: 20, Downloaded: 3}, Parts: []tracker.Part{{Origin: a, Value: 3}}}
	partial := tracker.Change{Record: tracker.Record{InfoHash: h, LastAnnounce: 20, Downloaded: 3}, Partial: true}
	for _, c := range []struct {
		name  string
		taken []tracker.Change
		want  map[tracker.Origin]uint64
	}{
		{"removed", []tracker.Change{removed}, nil},
		{"come back", []tracker.Change{removed, back}, map[tracker.Origin]uint64{a: 3}},
		{"come back partial", []tracker.Change{removed, partial}, nil},
		{"come back, then partial", []tracker.Change{removed, back, partial}, map[tracker.Origin]uint64{a: 3}},
		{"changed, then partial", []tracker.Change{back, partial}, map[tracker.Origin]uint64{a: 3}},
	} {
		s, src := openLoaded(t, testPath(t))
		src.put(tracker.Record{InfoHash: h, LastAnnounce: 10, Downloaded: 100})
		src.parts = partsOf{h: {a: 5, tracker.Nobody: 50}}
		checkpointAlong(t, s, src, o)
		checkpointAlong(t, s, &takenOnce{Source: src, changes: slices.Clone(c.taken)}, o)
		if got := loadParts(t, s)[h]; !maps.Equal(got, c.want) {
			t.Errorf("%s: parts %v, want %v", c.name, got, c.want)
		}
	}
}

// TestExpiredWithParts: a record that the file alone has stays there for its parts
// until these are folded.
func TestExpiredWithParts(t *testing.T) {
	s, src := openLoaded(t, testPath(t))
	s.limits.cutting = cutting{target: 4, most: 6}
	o := &Origins{Present: testOrigin(1), Ended: []tracker.Origin{testOrigin(2)}}
	src.parts = partsOf{}
	for i := range 100 {
		src.put(record(i, 1))
		if i < 20 {
			src.parts.set(record(i, 0).InfoHash, testOrigin(2), 3)
		}
		src.parts.set(record(i, 0).InfoHash, tracker.Nobody, 1)
	}
	checkpointAlong(t, s, src, o)
	src.parts = partsOf{}
	gone := map[tracker.InfoHash]bool{}
	for i := range 40 {
		src.evict(record(i, 0).InfoHash)
		gone[record(i, 0).InfoHash] = true
	}
	src.expired = func(h tracker.InfoHash) bool { return gone[h] }
	all := func() {
		t.Helper()
		for round := range uint32(10) {
			for i := range 60 {
				src.put(record(40+i, 2+round))
			}
			checkpointAlong(t, s, src, o)
		}
	}
	all()
	if n := len(walked(t, s)); n != 80 || src.settled.Expired != 20 || len(loadParts(t, s)) != 80 {
		t.Errorf("%d records, %d expired, parts of %d, want 80, 20 and 80", n, src.settled.Expired, len(loadParts(t, s)))
	}
	o = &Origins{Present: testOrigin(1), Folded: []tracker.Origin{testOrigin(2)}}
	all()
	if n := len(walked(t, s)); n != 60 || src.settled.Expired != 40 || len(loadParts(t, s)) != 60 {
		t.Errorf("%d records, %d expired, parts of %d, want 60, 40 and 60", n, src.settled.Expired, len(loadParts(t, s)))
	}
}

// TestOriginsFailWithTheirBatch: when the transaction of a batch fails, so do the
// origins that came along.
func TestOriginsFailWithTheirBatch(t *testing.T) {
	s, src := openLoaded(t, testPath(t))
	was := Origins{Present: testOrigin(1)}
	if err := s.SaveOrigins(was); err != nil {
		t.Fatal(err)
	}
	src.put(record(1, 1))
	update := s.update
	failAfter(s, 0, false)
	if _, err := s.Checkpoint(src, along(&Origins{Present: testOrigin(2)})); !errors.Is(err, errDisk) {
		t.Fatal(err)
	}
	s.update = update
	if got, err := s.Origins(); err != nil || !got.equal(was) {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestInspectParts: folded parts, those of 0 and the excess do not count.
func TestInspectParts(t *testing.T) {
	info, err := Inspect(fileWithParts(t), 0)
	if err != nil || info.Origins != 3 || info.Folded != 2 || info.Parts != 360 {
		t.Errorf("%d origins, %d folded, %d parts, %v", info.Origins, info.Folded, info.Parts, err)
	}
}
