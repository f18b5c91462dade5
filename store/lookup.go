package store

import (
	"bytes"
	"sort"

	"go.etcd.io/bbolt"

	"keeptrack/store/runs"
	"keeptrack/tracker"
)

// lookup finds the records that a file holds of torrents in ascending order of
// info hash.
type lookup struct {
	chunks  *bbolt.Bucket
	index   chunkIndex
	entries []runs.Entry

	finder *runs.Finder // nil until something is looked up
	at     int          // chunk that was read last, or -1
	chunk  chunkValue
	looked footprint
}

// find returns what the file holds of a torrent. No later call may ask for an
// info hash before h.
func (l *lookup) find(h *tracker.InfoHash) (in tracker.InFile, err error) {
	in.InfoHash = *h
	if err := l.reach(l.index.of(h)); err != nil {
		return in, err
	}
	change, found, err := l.finder.Find(h[:], l.chunk.sequence)
	record := change.Record
	if err == nil && !found {
		record = l.inChunk(h)
	}
	if record != nil {
		in = tracker.InFile{Record: readRecord(record), Found: true}
	}
	return in, err
}

// reach reads chunk i, unless that is the one that was read last.
func (l *lookup) reach(i int) (err error) {
	if l.finder == nil {
		l.finder, l.at = runs.NewFinder(l.entries), -1
	}
	if i == l.at {
		return nil
	}
	l.looked.grow(l.chunks.Tx(), len(l.entries))
	l.at = i
	l.chunk, err = l.index.read(l.chunks, i)
	return err
}

// inChunk returns a torrent's record in the chunk, nil if it has none.
func (l *lookup) inChunk(h *tracker.InfoHash) []byte {
	records := l.chunk.records
	i := sort.Search(len(records)/recordSize, func(i int) bool {
		return bytes.Compare(records[i*recordSize:][:hashSize], h[:]) >= 0
	})
	if records = records[i*recordSize:]; len(records) == 0 || !bytes.Equal(records[:hashSize], h[:]) {
		return nil
	}
	return records[:recordSize]
}
