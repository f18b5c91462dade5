package otstats

import (
	"compress/gzip"
	"io"
	"iter"
	"net/http"
	"strings"

	"keeptrack/tracker"
)

// A dump lists all torrents in order of info hash.
type dump func(s Source, out *chunks) error

// dumpState lists what outlives the peers.
func dumpState(s Source, out *chunks) error {
	return dumpRows(out, s.Records(tracker.InfoHash{}), appendState)
}

// dumpCounts returns a dump with a row for each torrent between start and end.
func dumpCounts(start string, row func(dst []byte, t *tracker.Scraped) []byte, end string) dump {
	return func(s Source, out *chunks) error {
		out.buf = append(out.buf, start...)
		if err := dumpRows(out, s.ScrapeAll(), row); err != nil {
			return err
		}
		out.buf = append(out.buf, end...)
		return nil
	}
}

func dumpRows[T any](out *chunks, torrents iter.Seq[T], row func([]byte, *T) []byte) error {
	for t := range torrents {
		out.buf = row(out.buf, &t)
		if len(out.buf) < chunkSize {
			continue
		}
		if err := out.flush(); err != nil {
			return err
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
