package store

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/rs/zerolog"

	"keeptrack/cmd/testenv"
	"keeptrack/tracker"
)

// benchShare is the share of the torrents that change between two checkpoints.
const benchShare = 0.01

// benchTorrents returns the number of torrents in benchmarks.
func benchTorrents() int { return testenv.Pick(100_000, 10_000_000) }

// benchSource holds many torrents in plain slices.
type benchSource struct {
	fakeSource
	rng     *rand.Rand
	records []tracker.Record
	changed []int // each once
	dirty   []bool
}

// newBenchSource returns n torrents with random hashes, all of them changed.
func newBenchSource(n int) *benchSource {
	b := &benchSource{rng: rand.New(rand.NewPCG(1, 2)), dirty: make([]bool, n)}
	for range n {
		r := tracker.Record{LastAnnounce: 1}
		binary.BigEndian.PutUint64(r.InfoHash[:], b.rng.Uint64())
		binary.BigEndian.PutUint64(r.InfoHash[8:], b.rng.Uint64())
		b.records = append(b.records, r)
		b.touch(len(b.records) - 1)
	}
	return b
}

func (b *benchSource) touch(i int) {
	if !b.dirty[i] {
		b.dirty[i] = true
		b.changed = append(b.changed, i)
	}
}

// change announces n torrents of random hashes.
func (b *benchSource) change(n int) {
	for range n {
		i := b.rng.IntN(len(b.records))
		b.records[i].LastAnnounce++
		b.touch(i)
	}
}

func (b *benchSource) TakeChanges(dst []tracker.Change, limit int) []tracker.Change {
	n := min(limit, len(b.changed))
	for _, i := range b.changed[:n] {
		dst = append(dst, tracker.Change{Record: b.records[i]})
		b.dirty[i] = false
	}
	b.changed = append(b.changed[:0], b.changed[n:]...)
	return dst
}

func (b *benchSource) RestoreChanges([]tracker.Change) { panic("the benchmark's disk is full") }

// benchStore opens a new file, filled from a source.
func benchStore(b *testing.B) (*Store, *benchSource) {
	b.Helper()
	s, err := Open(filepath.Join(b.TempDir(), "bench.db"), zerolog.Nop())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	if _, err := s.Load(func(tracker.Record) {}); err != nil {
		b.Fatal(err)
	}
	src := newBenchSource(benchTorrents())
	benchCheckpoint(b, s, src)
	return s, src
}

func benchCheckpoint(b *testing.B, s *Store, src *benchSource) Result {
	b.Helper()
	res, err := s.Checkpoint(src, Along{})
	if err != nil {
		b.Fatal(err)
	}
	return res
}

// BenchmarkCheckpoint writes benchShare of the torrents, to disk.
func BenchmarkCheckpoint(b *testing.B) {
	s, src := benchStore(b)
	var records, bytes int64
	for b.Loop() {
		b.StopTimer()
		src.change(int(benchShare * float64(benchTorrents())))
		b.StartTimer()
		res := benchCheckpoint(b, s, src)
		records += int64(res.Records)
		bytes += res.Bytes
	}
	b.ReportMetric(float64(bytes)/float64(records), "bytes/record")
	b.ReportMetric(float64(journalEntries(b, s)), "journal-entries")
}

// BenchmarkPartial writes a full batch of new torrents that the file may have records
// of, with a journal of many entries.
func BenchmarkPartial(b *testing.B) {
	s, src := benchStore(b)
	for b.Loop() {
		b.StopTimer()
		for range 500 {
			src.change(1 + benchTorrents()/1024)
			benchCheckpoint(b, s, src)
		}
		var all merger
		for range maxBatch {
			r := tracker.Record{LastAnnounce: 1}
			binary.BigEndian.PutUint64(r.InfoHash[:], src.rng.Uint64())
			all.add(r, nil)
		}
		b.ReportMetric(float64(journalEntries(b, s)), "journal-entries")
		b.StartTimer()
		if _, err := s.Checkpoint(&all, Along{}); err != nil {
			b.Fatal(err)
		}
	}
}

// benchFile returns a closed file of all torrents, with a journal as long
// as it gets.
func benchFile(b *testing.B) (path string) {
	b.Helper()
	s, src := benchStore(b)
	for written := 0; written < 2*(benchTorrents()); {
		src.change(1 + benchTorrents()/20)
		written += benchCheckpoint(b, s, src).Records
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(s.path)
	if err != nil {
		b.Fatal(err)
	}
	runtime.GC() // the source is not needed any more
	b.Cleanup(func() {
		b.ReportMetric(float64(info.Size())/(1<<20), "file-MiB")
		b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s")
	})
	return s.path
}

// BenchmarkLoad opens and loads a file.
func BenchmarkLoad(b *testing.B) {
	path := benchFile(b)
	var n int
	for b.Loop() {
		again, err := Open(path, zerolog.Nop())
		if err != nil {
			b.Fatal(err)
		}
		if n, err = again.Load(func(tracker.Record) {}); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(journalEntries(b, again)), "journal-entries")
		if err := again.Close(); err != nil {
			b.Fatal(err)
		}
	}
	if n != benchTorrents() {
		b.Fatalf("%d torrents loaded, want %d", n, benchTorrents())
	}
}

// BenchmarkBackup copies an open file, flushes and verifies the copy.
func BenchmarkBackup(b *testing.B) {
	s, err := Open(benchFile(b), zerolog.Nop())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	out := filepath.Join(b.TempDir(), "copy.db")
	for b.Loop() {
		if _, err := Save(out, s.Backup); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOperator runs what an operator does with a file.
func BenchmarkOperator(b *testing.B) {
	path := benchFile(b)
	text := filepath.Join(b.TempDir(), "text")
	for _, c := range []struct {
		name string
		do   func() error
	}{
		{"verify", func() error {
			findings, err := Verify(path)
			return errors.Join(append(findings, err)...)
		}},
		{"inspect", func() error {
			_, err := Inspect(path, 10)
			return err
		}},
		{"export", func() error {
			f, err := os.Create(text)
			if err != nil {
				return err
			}
			_, err = Export(path, f)
			return errors.Join(err, f.Close())
		}},
		{"import", func() error {
			f, err := os.Open(text)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = Import(filepath.Join(b.TempDir(), "new.db"), f, zerolog.Nop(), func(int, error) {})
			return err
		}},
		{"restore", func() error { return restore(path, path+".restored") }},
		{"compact", func() error {
			_, _, err := Compact(path)
			return err
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if err := c.do(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s")
		})
	}
}

// BenchmarkParts is BenchmarkCheckpoint, and what loading takes, with three parts of
// each torrent.
func BenchmarkParts(b *testing.B) {
	s, src := benchStore(b)
	all := Along{Origins: func() *Origins { return &Origins{Present: testOrigin(1)} }}
	parts := &partsBenchSource{src}
	for i := range src.records {
		src.touch(i)
	}
	checkpoint := func() Result {
		res, err := s.Checkpoint(parts, all)
		if err != nil {
			b.Fatal(err)
		}
		return res
	}
	checkpoint()
	b.Run("checkpoint", func(b *testing.B) {
		var records, bytes int64
		for b.Loop() {
			b.StopTimer()
			src.change(int(benchShare * float64(benchTorrents())))
			b.StartTimer()
			res := checkpoint()
			records, bytes = records+int64(res.Records), bytes+res.Bytes
		}
		b.ReportMetric(float64(bytes)/float64(records), "bytes/record")
	})
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			n := 0
			if err := s.LoadParts(func(tracker.TorrentPart) { n++ }); err != nil || n != 3*len(src.records) {
				b.Fatalf("%d parts, %v", n, err)
			}
		}
		size, err := s.Size()
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(size)/(1<<20), "file-MiB")
	})
}

// partsBenchSource is a benchSource that has three parts of each torrent.
type partsBenchSource struct{ *benchSource }

var benchParts = []tracker.Part{{Origin: testOrigin(1), Value: 1}, {Origin: testOrigin(2), Value: 2}, {Origin: testOrigin(3), Value: 3}}

func (s *partsBenchSource) TakeChanges(dst []tracker.Change, limit int) []tracker.Change {
	n := len(dst)
	dst = s.benchSource.TakeChanges(dst, limit)
	for i := range dst[n:] {
		dst[n+i].Parts = benchParts
	}
	return dst
}
