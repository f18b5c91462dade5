package bench

import (
	"context"
	"errors"
	"io"
	"time"

	"keeptrack/tracker"
)

// httpDriver speaks BEP 3 over a number of connections, with one request at a
// time on each.
type httpDriver struct {
	plan   *Plan
	pace   *pace
	ledger *ledger
	link   link
	writer *requestWriter
	closes bool // every request has a connection of its own
	slots  []slot
	idle   chan int32 // the slot that has been so the longest comes first

	request Request // the one being written
	arrive  func(i int, data []byte, err error)
}

// slot is a connection, or the place for one.
type slot struct {
	open    bool
	used    bool    // something was answered on the connection
	flight  *flight // in the ledger; nil: idle
	request [1][]byte
	reply   []byte // what came of it so far, if not everything at once
}

func newHTTPDriver(p *Plan, pace *pace, l *ledger, link link, w *requestWriter, o *Options) *httpDriver {
	d := &httpDriver{
		plan:   p,
		pace:   pace,
		ledger: l,
		link:   link,
		writer: w,
		closes: o.Close,
		slots:  make([]slot, o.Window),
		idle:   make(chan int32, o.Window),
	}
	for i := range d.slots {
		d.idle <- int32(i)
	}
	d.arrive = d.take
	return d
}

// open does nothing: connections are opened as they are needed.
func (d *httpDriver) open(context.Context) error { return nil }

func (d *httpDriver) start(n int) int {
	started := 0
	for ; started < n && len(d.idle) > 0; started++ {
		d.startOn(int(<-d.idle))
	}
	return started
}

// startOn sends the next request on slot i.
func (d *httpDriver) startOn(i int) {
	k, now, s, r := d.ledger.next, d.ledger.now(), &d.slots[i], &d.request
	d.plan.Request(k, i%d.plan.load.Sources, r)
	s.request[0] = d.writer.append(s.request[0][:0], r)
	s.reply = s.reply[:0]
	d.ledger.send(flight{
		due:    d.pace.dueAt(k, now),
		sent:   now,
		socket: int32(i),
		kind:   r.Kind,
		asked:  uint8(len(r.InfoHashes) / len(tracker.InfoHash{})),
	})
	s.flight = d.ledger.find(k)
	if err := d.send(i); err != nil {
		d.fail(i, err)
	}
}

func (d *httpDriver) send(i int) error {
	s := &d.slots[i]
	if !s.open {
		if err := d.link.open(i); err != nil {
			return err
		}
		s.open, s.used = true, false
	}
	_, err := d.link.send(i, s.request[:])
	return err
}

// fail deals with the end of the connection of slot i before anything of an
// answer. A tracker may close a connection at any time between two requests,
// so a request that has met that is sent again on a new one.
func (d *httpDriver) fail(i int, err error) {
	s := &d.slots[i]
	if s.open && s.used {
		d.link.close(i)
		s.open = false
		if err = d.send(i); err == nil {
			return
		}
	}
	d.ledger.lose(s.flight, err)
	d.release(i, true)
}

func (d *httpDriver) receive(wait time.Duration) { d.link.receive(wait, d.arrive) }

func (d *httpDriver) abandon(f *flight) { d.release(int(f.socket), true) }

func (d *httpDriver) close() { d.link.closeAll() }

// release makes slot i idle, without a connection if that is of no more use.
func (d *httpDriver) release(i int, hangUp bool) {
	s := &d.slots[i]
	if hangUp && s.open {
		d.link.close(i)
		s.open = false
	}
	if s.flight != nil {
		s.flight = nil
		d.idle <- int32(i)
	}
}

// take takes in what has arrived on slot i.
func (d *httpDriver) take(i int, data []byte, err error) {
	s := &d.slots[i]
	if s.flight == nil {
		if len(data) > 0 {
			d.ledger.mistake(nil, errUnasked)
		}
		d.release(i, true)
		return
	}
	if len(s.reply) > 0 {
		s.reply = append(s.reply, data...)
		data = s.reply
	}
	if err != nil && (len(data) == 0 || !errors.Is(err, io.EOF)) {
		d.fail(i, err)
		return
	}
	s.used = true
	reply, complete, err := parseReply(data, err != nil)
	switch {
	case err != nil:
		d.ledger.mistake(s.flight, err)
		d.release(i, true)
	case complete:
		d.judge(s.flight, reply.body)
		d.release(i, d.closes || reply.close)
	case len(s.reply) == 0:
		s.reply = append(s.reply, data...)
	}
}

// judge checks the body of the answer to f.
func (d *httpDriver) judge(f *flight, body []byte) {
	var peers int
	var failure []byte
	var err error
	if f.kind == Scrape {
		failure, err = checkScrape(body, int(f.asked))
	} else {
		peers, failure, err = checkAnnounce(body)
	}
	switch {
	case err != nil:
		d.ledger.mistake(f, err)
	case failure != nil:
		d.ledger.refuse(f, failure)
	default:
		d.ledger.answer(f, peers)
	}
}
