package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"keeptrack/tracker"
	"keeptrack/tracker/bep15"
)

// tap is a client's socket on a host, to the daemon there. It outlives the daemon: what
// is not answered is sent again, to the one that comes next.
type tap struct {
	conn net.Conn
	id   uint64 // 0: none, or one of an instance before
	last uint32 // transaction
	buf  [2048]byte
}

// tapOn opens a tap on host i from a loopback address.
func (c *cluster) tapOn(i int, from string) *tap {
	c.t.Helper()
	var conn net.Conn
	var err error
	within(c.t, c.hosts[i], func() {
		d := net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(from)}}
		conn, err = d.DialContext(c.t.Context(), "udp4", clientAddress)
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { conn.Close() })
	return &tap{conn: conn}
}

// errUnanswered says that a request is to be sent again.
var errUnanswered = errors.New("no answer")

// resendTap is how long a tap waits for an answer. Nothing is lost on the loopback
// interface but what a daemon leaves unread when it ends.
const resendTap = 2 * time.Second

// ask sends a request until it is answered or ctx is done. The answer is valid until the
// next call.
func (p *tap) ask(ctx context.Context, request func(id uint64, transaction uint32) []byte) ([]byte, error) {
	p.last++
	for ctx.Err() == nil {
		if p.id == 0 {
			if err := p.connect(); err != nil {
				continue
			}
		}
		answer, err := p.try(request(p.id, p.last), p.last)
		switch {
		case errors.Is(err, errUnanswered):
			continue
		case err != nil:
			return nil, err
		}
		refused, err := bep15.ParseErrorReply(answer)
		if err != nil {
			return answer, nil
		}
		if !strings.HasPrefix(refused.Text, "Connection ID") {
			return nil, fmt.Errorf("the daemon refuses: %q", refused.Text)
		}
		p.id = 0
	}
	return nil, context.Cause(ctx)
}

func (p *tap) connect() error {
	answer, err := p.try(bep15.ConnectRequest{TransactionID: p.last}.Append(nil), p.last)
	if err != nil {
		return err
	}
	r, err := bep15.ParseConnectReply(answer)
	p.id = r.ConnectionID
	return err
}

// try sends a packet once.
func (p *tap) try(packet []byte, transaction uint32) ([]byte, error) {
	if err := p.conn.SetReadDeadline(time.Now().Add(resendTap)); err != nil {
		return nil, err
	}
	_, err := p.conn.Write(packet)
	for err == nil {
		var n int
		if n, err = p.conn.Read(p.buf[:]); err != nil {
			break
		}
		if h, err := bep15.ParseReplyHeader(p.buf[:n]); err == nil && h.TransactionID == transaction {
			return p.buf[:n], nil
		}
	}
	if errors.Is(err, syscall.ECONNREFUSED) { // the daemon is away
		time.Sleep(20 * time.Millisecond)
		return nil, errUnanswered
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return nil, errUnanswered
	}
	return nil, err
}

// announce announces the peer at port.
func (p *tap) announce(ctx context.Context, h tracker.InfoHash, port uint16, event tracker.Event) error {
	left := uint64(0)
	if event == tracker.EventStarted {
		left = 1
	}
	answer, err := p.ask(ctx, func(id uint64, transaction uint32) []byte {
		return bep15.AnnounceRequest{
			ConnectionID: id, TransactionID: transaction, InfoHash: h, Port: port, Left: left, Event: uint32(event),
		}.Append(nil)
	})
	if err == nil {
		_, err = bep15.ParseAnnounceReply(answer, tracker.IPv4)
	}
	return err
}

// counts returns the downloaded counts of the torrents.
func (p *tap) counts(ctx context.Context, hashes []tracker.InfoHash) ([]uint64, error) {
	counts := make([]uint64, 0, len(hashes))
	for len(hashes) > 0 {
		some := hashes[:min(bep15.MaxScrape, len(hashes))]
		hashes = hashes[len(some):]
		var names []byte
		for _, h := range some {
			names = append(names, h[:]...)
		}
		answer, err := p.ask(ctx, func(id uint64, transaction uint32) []byte {
			return bep15.ScrapeRequest{ConnectionID: id, TransactionID: transaction, InfoHashes: names}.Append(nil)
		})
		if err != nil {
			return nil, err
		}
		r, err := bep15.ParseScrapeReply(answer)
		if err != nil {
			return nil, err
		}
		if r.Len() != len(some) {
			return nil, fmt.Errorf("%d rows for %d torrents", r.Len(), len(some))
		}
		for i := range some {
			counts = append(counts, uint64(r.Row(i).Completed))
		}
	}
	return counts, nil
}

// truth is what clients know of the completions of each torrent.
type truth struct {
	hashes   []tracker.InfoHash
	issued   []atomic.Uint64 // sent to an instance
	accepted []atomic.Uint64 // and answered
	unsure   []atomic.Uint64 // or given up without an answer, because it was killed
	atRisk   []atomic.Uint64 // accepted by one shortly before it was killed
}

func newTruth(torrents int) *truth {
	return &truth{
		hashes: torrentList(torrents),
		issued: make([]atomic.Uint64, torrents), accepted: make([]atomic.Uint64, torrents),
		unsure: make([]atomic.Uint64, torrents), atRisk: make([]atomic.Uint64, torrents),
	}
}

// place returns the torrent and the port of the n-th downloader. No two have both in common.
func (t *truth) place(n uint64) (torrent int, port uint16) {
	all := uint64(len(t.hashes))
	return int(n % all), uint16(1024 + n/all%64_000)
}

// total returns the sum over all torrents.
func total(counts []atomic.Uint64) (n uint64) {
	for i := range counts {
		n += counts[i].Load()
	}
	return n
}

// recent is a completion that an instance accepted.
type recent struct {
	at      time.Time
	torrent int
}

// door is how clients get at an instance.
type door struct {
	mu       sync.Mutex
	open     bool           // to downloaders that come
	inside   sync.WaitGroup // those that wait for an answer
	life     context.Context
	end      context.CancelFunc
	accepted []recent // of the last seconds
}

// enter lets a downloader in if the door is open; the downloader calls leave.
func (d *door) enter() (life context.Context, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open {
		d.inside.Add(1)
	}
	return d.life, d.open
}

// set opens or closes the door.
func (d *door) set(open bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open = open
}

// note remembers an accepted completion for as long as it may be at risk.
func (d *door) note(torrent int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.accepted = append(d.accepted, recent{time.Now(), torrent})
	if len(d.accepted) > 4096 && time.Since(d.accepted[2048].at) > patience {
		d.accepted = append(d.accepted[:0], d.accepted[2048:]...)
	}
}

// rush is a load: downloaders, each of which starts at an instance, completes at another
// and, two of three, stops at any.
type rush struct {
	c       *cluster
	quit    chan struct{}
	workers sync.WaitGroup
}

// downloaders is the number of downloaders of a rush that are under way at a time.
const downloaders = 48

// rush begins a load of so many downloaders a second.
func (c *cluster) rush(rate int) *rush {
	c.t.Helper()
	r := &rush{c: c, quit: make(chan struct{})}
	come := make(chan uint64)
	r.workers.Go(func() {
		defer close(come)
		pace(rate, r.quit, func() {
			select {
			case come <- c.downloaders.Add(1) - 1:
			case <-r.quit:
			}
		})
	})
	for w := range downloaders {
		taps := make([]*tap, len(c.hosts))
		for i := range taps {
			taps[i] = c.tapOn(i, fmt.Sprintf("127.0.%d.1", 1+w))
		}
		r.workers.Go(func() {
			for n := range come {
				if err := r.download(taps, n); err != nil {
					c.t.Error(err)
				}
			}
		})
	}
	return r
}

// end lets no more downloaders come and waits for those that have.
func (r *rush) end() {
	close(r.quit)
	r.workers.Wait()
}

// during runs fn under a load.
func (c *cluster) during(rate int, fn func()) {
	c.t.Helper()
	r, done := c.rush(rate), false
	defer func() {
		if !done { // the test has failed, and some wait for an instance that is down
			c.giveUp()
		}
		r.end()
	}()
	fn()
	done = true
}

// accept waits until so many completions more are accepted.
func (c *cluster) accept(n int) {
	c.t.Helper()
	for least, end := total(c.accepted)+uint64(n), time.Now().Add(4*patience); total(c.accepted) < least; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) || c.ctx.Err() != nil {
			c.t.Fatalf("%d completions were accepted, of %d", total(c.accepted), least)
		}
	}
}

// download is the way of the n-th downloader.
func (r *rush) download(taps []*tap, n uint64) error {
	t := r.c.truth
	i, port := t.place(n)
	for _, event := range []tracker.Event{tracker.EventStarted, tracker.EventCompleted, tracker.EventStopped} {
		if event == tracker.EventStopped && n%3 == 0 {
			return nil
		}
		at, life := r.c.enter(i)
		if life == nil {
			return nil
		}
		if event == tracker.EventCompleted {
			t.issued[i].Add(1)
		}
		err := taps[at].announce(life, t.hashes[i], port, event)
		switch {
		case err != nil && life.Err() != nil: // killed
			if event == tracker.EventCompleted {
				t.unsure[i].Add(1)
			}
			err = nil
		case event == tracker.EventCompleted && err == nil:
			t.accepted[i].Add(1)
			r.c.doors[at].note(i)
		}
		r.c.doors[at].inside.Done()
		if err != nil || life.Err() != nil {
			return err
		}
		if rand.N(4) == 0 {
			time.Sleep(rand.N(400 * time.Millisecond)) // as a download takes its time
		}
	}
	return nil
}

// enter waits for an instance that takes clients of a torrent, any. It returns nil if the
// test is over.
func (c *cluster) enter(torrent int) (at int, life context.Context) {
	for c.ctx.Err() == nil {
		if at = rand.N(len(c.doors)); c.refuses(at, torrent) {
			continue
		}
		if life, ok := c.doors[at].enter(); ok {
			return at, life
		}
		time.Sleep(time.Millisecond)
	}
	return 0, nil
}
