package http

import (
	"net"
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

// stream sends start and then a row for every torrent, shard by shard, which
// is in the order of the info hashes. It ends the full scrape that a responder
// began, and leaves conn open.
//
// An error means that the client has gone or is too slow. The reply lacks its
// end then.
func (h *handler) stream(conn net.Conn, start []byte, limit time.Duration) error {
	defer func() { <-h.fullScrapes }()
	var rows []tracker.Scraped
	buf := make([]byte, 0, len(start)+streamChunk+1<<10)
	buf = append(append(buf, start...), scrapeStart...)
	for shard := range tracker.ShardCount {
		rows = h.tracker.ScrapeShard(shard, rows[:0])
		slices.SortFunc(rows, func(a, b tracker.Scraped) int { return compareHashes(a.InfoHash, b.InfoHash) })
		for i := range rows {
			buf = appendScrapeRow(buf, &rows[i].InfoHash, rows[i].Counts)
			if len(buf) < streamChunk {
				continue
			}
			if err := send(conn, buf, limit); err != nil {
				return err
			}
			buf = buf[:0]
		}
	}
	return send(conn, append(buf, scrapeEnd...), limit)
}

// send writes to conn within the time limit.
func send(conn net.Conn, p []byte, limit time.Duration) error {
	if err := conn.SetWriteDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	_, err := conn.Write(p)
	return err
}
