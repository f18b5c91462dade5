package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"keeptrack/tracker"
	"keeptrack/tracker/bep15"
)

// firstWait is how long an answer is waited for before the request is sent
// again; every further wait is twice as long. BEP 15 begins with 15 s, too long
// for somebody who looks on.
const firstWait = 2 * time.Second

// connectionLife is how long a connection id may be used (BEP 15).
const connectionLife = time.Minute

func (c *Client) announceUDP(ctx context.Context, u *url.URL, req Request) (Reply, error) {
	s, err := c.dialUDP(ctx, u)
	if err != nil {
		return Reply{}, err
	}
	defer s.conn.Close()
	ask := bep15.AnnounceRequest{
		InfoHash: req.InfoHash,
		PeerID:   req.PeerID,
		Left:     req.Left,
		Event:    uint32(req.Event),
		NumWant:  req.NumWant,
		Port:     req.Port,
		Options:  bep15.AppendURLData(nil, urlData(u)),
	}
	packet, err := s.ask(ctx, func(id uint64, transaction uint32) []byte {
		ask.ConnectionID, ask.TransactionID = id, transaction
		return ask.Append(nil)
	})
	if err != nil {
		return Reply{}, err
	}
	r, err := bep15.ParseAnnounceReply(packet, s.family)
	if err != nil {
		return Reply{}, err
	}
	addrSize := 4
	if s.family == tracker.IPv6 {
		addrSize = 16
	}
	reply := Reply{
		Interval: time.Duration(r.Interval) * time.Second,
		Seeders:  uint64(r.Seeders),
		Leechers: uint64(r.Leechers),
		Peers:    appendPeers(nil, r.Peers, addrSize),
	}
	reply.Refused = req.Event != tracker.EventStopped && reply.Seeders+reply.Leechers == 0 && len(reply.Peers) == 0 &&
		reply.Interval == tracker.LongestInterval
	return reply, nil
}

func (c *Client) scrapeUDP(ctx context.Context, u *url.URL, hashes []tracker.InfoHash) ([]Scraped, error) {
	s, err := c.dialUDP(ctx, u)
	if err != nil {
		return nil, err
	}
	defer s.conn.Close()
	rows := make([]Scraped, 0, len(hashes))
	for len(hashes) > 0 {
		group := hashes[:min(bep15.MaxScrape, len(hashes))]
		hashes = hashes[len(group):]
		if rows, err = s.scrape(ctx, rows, group); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// urlData is what BEP 41 appends to an announce: path and query.
func urlData(u *url.URL) string {
	if u.Path == "" && u.RawQuery == "" {
		return ""
	}
	return u.RequestURI()
}

// udpSession is a socket connected to a tracker.
type udpSession struct {
	conn   net.Conn
	family tracker.Family
	wait   time.Duration // before a request is sent again the first time
	id     uint64
	idTime time.Time // when id was got; zero: never
	buf    [2048]byte
}

func (c *Client) dialUDP(ctx context.Context, u *url.URL) (*udpSession, error) {
	conn, err := c.dial(ctx, "udp", u.Host)
	if err != nil {
		return nil, err
	}
	s := &udpSession{conn: conn, wait: firstWait}
	if remote, err := netip.ParseAddrPort(conn.RemoteAddr().String()); err == nil && remote.Addr().Unmap().Is6() {
		s.family = tracker.IPv6
	}
	return s, nil
}

// scrape appends a row for each of the hashes, at most bep15.MaxScrape.
func (s *udpSession) scrape(ctx context.Context, rows []Scraped, hashes []tracker.InfoHash) ([]Scraped, error) {
	var ask bep15.ScrapeRequest
	for _, h := range hashes {
		ask.InfoHashes = append(ask.InfoHashes, h[:]...)
	}
	packet, err := s.ask(ctx, func(id uint64, transaction uint32) []byte {
		ask.ConnectionID, ask.TransactionID = id, transaction
		return ask.Append(nil)
	})
	if err != nil {
		return nil, err
	}
	r, err := bep15.ParseScrapeReply(packet)
	if err != nil {
		return nil, err
	}
	for i, h := range hashes {
		if i >= r.Len() {
			rows = append(rows, Scraped{InfoHash: h, Missing: true})
			continue
		}
		row := r.Row(i)
		rows = append(rows, Scraped{
			InfoHash:   h,
			Seeders:    uint64(row.Seeders),
			Leechers:   uint64(row.Leechers),
			Downloaded: uint64(row.Completed),
		})
	}
	return rows, nil
}

// ask sends the packet that build returns until it is answered, each time with
// a connection id that may still be used. The answer is valid until the next
// call.
func (s *udpSession) ask(ctx context.Context, build func(id uint64, transaction uint32) []byte) ([]byte, error) {
	return s.retry(ctx, func(wait time.Duration, transaction uint32) ([]byte, error) {
		if time.Since(s.idTime) >= connectionLife {
			if err := s.connect(ctx); err != nil {
				return nil, err
			}
		}
		return s.try(ctx, build(s.id, transaction), transaction, wait)
	})
}

// connect gets a new connection id.
func (s *udpSession) connect(ctx context.Context) error {
	packet, err := s.retry(ctx, func(wait time.Duration, transaction uint32) ([]byte, error) {
		ask := bep15.ConnectRequest{TransactionID: transaction}
		return s.try(ctx, ask.Append(nil), transaction, wait)
	})
	if err != nil {
		return err
	}
	r, err := bep15.ParseConnectReply(packet)
	if err != nil {
		return err
	}
	s.id, s.idTime = r.ConnectionID, time.Now()
	return nil
}

// retry calls try with longer and longer waits for as long as these pass
// without an answer and ctx is not done.
func (s *udpSession) retry(ctx context.Context, try func(wait time.Duration, transaction uint32) ([]byte, error)) ([]byte, error) {
	transaction := rand.Uint32()
	for wait := s.wait; ; wait *= 2 {
		packet, err := try(wait, transaction)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return packet, err
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("no answer from %s: %w", s.conn.RemoteAddr(), context.Cause(ctx))
		}
	}
}

// try sends a packet once and returns the answer, or os.ErrDeadlineExceeded if
// there is none within wait or before ctx is done.
func (s *udpSession) try(ctx context.Context, packet []byte, transaction uint32, wait time.Duration) ([]byte, error) {
	if err := s.conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return nil, err
	}
	// From here on the end of ctx cuts the wait short; the error that follows
	// is the deadline's, in which case retry looks at ctx.
	stop := context.AfterFunc(ctx, func() { s.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := s.conn.Write(packet); err != nil {
		return nil, err
	}
	for {
		n, err := s.conn.Read(s.buf[:])
		if err != nil {
			return nil, err
		}
		answer := s.buf[:n]
		h, err := bep15.ParseReplyHeader(answer)
		if err != nil || h.TransactionID != transaction {
			continue // a late answer to something else
		}
		if h.Action == bep15.ActionError {
			return nil, &Failure{strings.TrimRight(string(answer[bep15.ErrorReplySize:]), "\x00")}
		}
		return answer, nil
	}
}
