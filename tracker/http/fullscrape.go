package http

import (
	"bufio"
	"io"
	"time"
)

const (
	// streamChunk is how many bytes of a full scrape are written at once.
	streamChunk = 32 << 10
	// streamRate is how many bytes of a full scrape, as sent, a client has to
	// take in a second, on average, so that the few that may be under way are
	// not kept for hours.
	streamRate = 256 << 10
)

// timedWriter is what a full scrape is written to.
type timedWriter interface {
	io.Writer
	SetWriteDeadline(time.Time) error
}

// stream sends start and then a row for every torrent, in order of info hash. It
// ends the full scrape that an answer announces.
//
// Each part has to be taken within limit, and all of it at streamRate or
// faster, but for a delay of limit at the start. An error means that the client
// has gone or is too slow. The reply lacks its end then.
func (h *handler) stream(w timedWriter, start []byte, full fullScrape, limit time.Duration) error {
	defer h.fullScrapes.leave(full.scraper)
	out := bufio.NewWriterSize(&pacer{w, limit, time.Now().Add(limit)}, streamChunk)
	if _, err := out.Write(start); err != nil {
		return err
	}
	encoder, err := full.encoding.encoder(out)
	if err != nil {
		return err
	}
	err = h.writeRows(encoder)
	if closeErr := encoder.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return out.Flush()
}

// writeRows writes what is in a full scrape.
func (h *handler) writeRows(w io.Writer) error {
	buf := append(make([]byte, 0, streamChunk+1<<10), scrapeStart...)
	for row := range h.tracker.ScrapeAll() {
		buf = appendScrapeRow(buf, &row.InfoHash, row.Counts)
		if len(buf) < streamChunk {
			continue
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
		buf = buf[:0]
	}
	_, err := w.Write(append(buf, scrapeEnd...))
	return err
}

// pacer writes the parts of a long reply to a client that has to keep up.
type pacer struct {
	w     timedWriter
	limit time.Duration // for each part
	due   time.Time     // when all parts so far are to have been taken
}

func (p *pacer) Write(part []byte) (int, error) {
	p.due = p.due.Add(time.Duration(len(part)) * time.Second / streamRate)
	limit := min(p.limit, time.Until(p.due))
	if err := p.w.SetWriteDeadline(time.Now().Add(limit)); err != nil {
		return 0, err
	}
	return p.w.Write(part)
}
