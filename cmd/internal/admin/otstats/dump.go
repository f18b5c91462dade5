package otstats

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"slices"
	"strings"

	"keeptrack/tracker"
)

// A dump lists all torrents in order of info hash. It copies one shard at a
// time, so that neither memory nor the time that announces wait for it grow with
// the number of torrents.
type dump func(s Source, out *chunks) error

// dumpState lists what outlives the peers.
func dumpState(s Source, out *chunks) error {
	read := func(shard int, dst []tracker.Record) []tracker.Record {
		dst = s.Records(shard, dst)
		slices.SortFunc(dst, func(a, b tracker.Record) int { return bytes.Compare(a.InfoHash[:], b.InfoHash[:]) })
		return dst
	}
	return dumpRows(out, read, appendState)
}

// dumpCounts returns a dump with a row for each torrent between start and end.
func dumpCounts(start string, row func(dst []byte, t *tracker.Scraped) []byte, end string) dump {
	return func(s Source, out *chunks) error {
		out.buf = append(out.buf, start...)
		if err := dumpRows(out, s.ScrapeShard, row); err != nil {
			return err
		}
		out.buf = append(out.buf, end...)
		return nil
	}
}

func dumpRows[T any](out *chunks, read func(shard int, dst []T) []T, row func([]byte, *T) []byte) error {
	return forEach(read, func(t *T) error {
		out.buf = row(out.buf, t)
		if len(out.buf) < chunkSize {
			return nil
		}
		return out.flush()
	})
}

// forEach visits the torrents, shard by shard, until a visit fails.
func forEach[T any](read func(shard int, dst []T) []T, visit func(*T) error) error {
	var rows []T
	for shard := range tracker.ShardCount {
		rows = read(shard, rows[:0])
		for i := range rows {
			if err := visit(&rows[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// chunkSize is about how many bytes are written at once.
const chunkSize = 32 << 10

// chunks gathers bytes and writes them.
type chunks struct {
	w   io.Writer
	buf []byte
}

func (c *chunks) flush() error {
	_, err := c.w.Write(c.buf)
	c.buf = c.buf[:0]
	return err
}

// answer sends the dump, compressed if the client can have it so. One that
// fails on its way is cut off, which the client sees. For HEAD nothing is read.
func (d dump) answer(w http.ResponseWriter, r *http.Request, s Source) {
	w.Header().Set("Content-Type", "text/plain")
	compress := strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
	if compress {
		w.Header().Set("Content-Encoding", "gzip")
	}
	if r.Method == http.MethodHead {
		return
	}
	var out io.Writer = w
	finish := func() error { return nil }
	if compress {
		zip, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // the level is valid
		out, finish = zip, zip.Close
	}
	c := &chunks{w: out, buf: make([]byte, 0, chunkSize+1<<10)}
	err := d(s, c)
	if err == nil {
		err = c.flush()
	}
	if err == nil {
		err = finish()
	}
	if err != nil {
		panic(http.ErrAbortHandler)
	}
}
