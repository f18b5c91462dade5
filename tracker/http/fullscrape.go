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
	// streamRate is how many bytes of a full scrape a client has to take in a
	// second, on average, so that the few that may be under way are not kept
	// for hours.
	streamRate = 256 << 10
)

// stream sends start and then a row for every torrent, shard by shard, which
// is in the order of the info hashes. It ends the full scrape that a responder
// began, and leaves conn open.
//
// Each part has to be taken within limit, and all of it at streamRate or
// faster, but for a delay of limit at the start. An error means that the client has gone or is too slow. The reply lacks its
// end then.
func (h *handler) stream(conn net.Conn, start []byte, limit time.Duration) error {
	defer func() { <-h.fullScrapes }()
	p := pacer{conn, limit, time.Now().Add(limit)}
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
			if err := p.send(buf); err != nil {
				return err
			}
			buf = buf[:0]
		}
	}
	return p.send(append(buf, scrapeEnd...))
}

// pacer sends the parts of a long reply.
type pacer struct {
	conn  net.Conn
	limit time.Duration // for each part
	due   time.Time     // when all parts so far are to have been taken
}

func (p *pacer) send(part []byte) error {
	p.due = p.due.Add(time.Duration(len(part)) * time.Second / streamRate)
	return send(p.conn, part, min(p.limit, time.Until(p.due)))
}

// send writes to conn within the time limit.
func send(conn net.Conn, p []byte, limit time.Duration) error {
	if err := conn.SetWriteDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	_, err := conn.Write(p)
	return err
}
