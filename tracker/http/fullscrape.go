package http

import (
	nethttp "net/http"
	"slices"
	"time"

	"keeptrack/tracker"
)

const (
	// maxFullScrapes is how many full scrapes may be under way: each holds a
	// copy of one shard's counts.
	maxFullScrapes = 4
	// streamChunk is about how many bytes of a full scrape are written at
	// once.
	streamChunk = 32 << 10
)

// fullScrape answers a scrape of every torrent, if that is allowed.
func (h *handler) fullScrape(w nethttp.ResponseWriter) Failure {
	if !h.allowFullScrape {
		return FailureFullScrapeOff
	}
	select {
	case h.fullScrapes <- struct{}{}:
		defer func() { <-h.fullScrapes }()
	default:
		return FailureFullScrapeBusy
	}
	header := w.Header()
	header["Content-Type"] = plainText
	// The reply's length is not known before its end and clients do not
	// understand chunks, so the end of the connection is the end of the reply.
	header.Set("Transfer-Encoding", "identity")
	w.WriteHeader(nethttp.StatusOK)
	// An error means that the client has gone or is too slow. The reply lacks
	// its end then, and the connection is closed.
	_ = streamTorrents(w, h.tracker)
	return FailureNone
}

// streamTorrents writes a row for every torrent, shard by shard, which is in
// the order of the info hashes.
func streamTorrents(w nethttp.ResponseWriter, t *tracker.Tracker) error {
	control := nethttp.NewResponseController(w)
	var rows []tracker.Scraped
	buf := append(make([]byte, 0, streamChunk+1<<10), scrapeStart...)
	for shard := range tracker.ShardCount {
		rows = t.ScrapeShard(shard, rows[:0])
		slices.SortFunc(rows, func(a, b tracker.Scraped) int { return compareHashes(a.InfoHash, b.InfoHash) })
		for i := range rows {
			buf = appendScrapeRow(buf, &rows[i].InfoHash, rows[i].Counts)
			if len(buf) < streamChunk {
				continue
			}
			if err := send(w, control, buf); err != nil {
				return err
			}
			buf = buf[:0]
		}
	}
	return send(w, control, append(buf, scrapeEnd...))
}

// send writes one part of a long reply, with as much time as a whole short one
// has.
func send(w nethttp.ResponseWriter, control *nethttp.ResponseController, part []byte) error {
	if err := control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err := w.Write(part)
	return err
}
