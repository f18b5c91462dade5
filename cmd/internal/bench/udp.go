package bench

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"keeptrack/tracker"
	"keeptrack/tracker/bep15"
)

const (
	// connectWait is how long answers to the first connects are waited for
	// before they are sent again, connectTries how often they are sent.
	connectWait  = 500 * time.Millisecond
	connectTries = 6
	// renewAfter is the age at which a source gets a new connection id, if the
	// mix has not given it one: BEP 15 lets an id be used for a minute.
	renewAfter = int64(30 * time.Second)
	// oldIDLife is how long a source holds on to an id for requests with an old
	// one.
	oldIDLife = int64(5 * time.Minute)
)

// Transaction ids are the numbers of the requests, cut off; with the first bit
// set, that of a source which asks for its own connection id. Such connects
// are not part of the load and not counted.
const (
	ownTransaction  = 1 << 31
	transactionMask = ownTransaction - 1
)

// errUnasked is what is wrong with an answer that has no request.
var errUnasked = errors.New("an answer that no request waits for")

// udpDriver speaks BEP 15 from many sources, one socket each.
type udpDriver struct {
	plan    *Plan
	pace    *pace
	ledger  *ledger
	link    link
	family  tracker.Family
	options []byte // BEP 41, of every announce
	sources []source
	missing int // sources without a connection id

	request Request // the one being built
	packets [groupSize][]byte
	flights [groupSize]flight
	arrive  func(i int, data []byte, err error)
}

// source is what one address knows.
type source struct {
	id, oldID uint64 // connection ids, 0: none yet
	oldSince  int64  // when oldID was got
	fresh     int64  // when an id was last got, or asked for outside of the mix
}

func newUDPDriver(p *Plan, pace *pace, l *ledger, link link, r route, u *url.URL) *udpDriver {
	d := &udpDriver{plan: p, pace: pace, ledger: l, link: link, sources: make([]source, r.sources)}
	if r.remote.Addr().Is6() {
		d.family = tracker.IPv6
	}
	if u.Path != "" || u.RawQuery != "" {
		d.options = bep15.AppendURLData(nil, u.RequestURI())
	}
	d.arrive = d.take
	return d
}

// open opens all sockets and gets a connection id for each.
func (d *udpDriver) open(ctx context.Context) error {
	for i := range d.sources {
		if err := d.link.open(i); err != nil {
			return err
		}
	}
	d.missing = len(d.sources)
	for range connectTries {
		if err := d.connectMissing(ctx); d.missing == 0 || err != nil {
			return err
		}
	}
	return fmt.Errorf("%d of %d sources get no answer to a connect", d.missing, len(d.sources))
}

// connectMissing asks once for the connection ids that are not there, and
// waits for them.
func (d *udpDriver) connectMissing(ctx context.Context) error {
	for i := range d.sources {
		if d.sources[i].id == 0 {
			d.connect(i)
		}
	}
	for end := d.ledger.now() + int64(connectWait); d.missing > 0 && d.ledger.now() < end; {
		if err := ctx.Err(); err != nil {
			return err
		}
		d.link.receive(time.Duration(min(end-d.ledger.now(), maxWait)), d.arrive)
	}
	return nil
}

// connect asks for a connection id for source i.
func (d *udpDriver) connect(i int) {
	d.sources[i].fresh = d.ledger.now()
	d.packets[0] = bep15.ConnectRequest{TransactionID: ownTransaction | uint32(i)}.Append(d.packets[0][:0])
	_, _ = d.link.send(i, d.packets[:1]) // what is not sent is asked for again
}

func (d *udpDriver) start(n int) int {
	started := 0
	for started < n {
		first := d.ledger.next
		size := min(n-started, groupSize-int(first%groupSize))
		source, now := d.plan.Source(first), d.ledger.now()
		if now-d.sources[source].fresh > renewAfter {
			d.connect(source)
		}
		for i := range size {
			d.prepare(i, first+uint64(i), source, now)
		}
		sent, _ := d.link.send(source, d.packets[:size]) // datagrams cannot fail
		for _, f := range d.flights[:sent] {
			d.ledger.send(f)
		}
		if started += sent; sent < size {
			break
		}
	}
	return started
}

// prepare makes request k packet i of a group.
func (d *udpDriver) prepare(i int, k uint64, source int, now int64) {
	r := &d.request
	d.plan.Request(k, source, r)
	d.packets[i] = d.encode(d.packets[i][:0], r, uint32(k&transactionMask), source)
	d.flights[i] = flight{
		due:    d.pace.dueAt(k, now),
		sent:   now,
		socket: int32(source),
		kind:   r.Kind,
		asked:  uint8(len(r.InfoHashes) / len(tracker.InfoHash{})),
	}
}

func (d *udpDriver) encode(dst []byte, r *Request, transaction uint32, source int) []byte {
	id := d.sources[source].id
	if r.OldID {
		id = d.sources[source].oldID
	}
	switch r.Kind {
	case Connect:
		return bep15.ConnectRequest{TransactionID: transaction}.Append(dst)
	case Scrape:
		return bep15.ScrapeRequest{ConnectionID: id, TransactionID: transaction, InfoHashes: r.InfoHashes}.Append(dst)
	}
	return bep15.AnnounceRequest{
		ConnectionID:  id,
		TransactionID: transaction,
		InfoHash:      tracker.InfoHash(r.InfoHashes),
		PeerID:        r.PeerID,
		Left:          r.left(),
		Event:         uint32(r.Event),
		Key:           r.Key,
		NumWant:       d.plan.load.NumWant,
		Port:          r.Port,
		Options:       d.options,
	}.Append(dst)
}

func (d *udpDriver) receive(wait time.Duration) { d.link.receive(wait, d.arrive) }

// abandon does nothing: an answer that comes late is recognised.
func (d *udpDriver) abandon(*flight) {}

func (d *udpDriver) close() { d.link.closeAll() }

// take takes in a datagram on socket i.
func (d *udpDriver) take(i int, data []byte, _ error) {
	h, err := bep15.ParseReplyHeader(data)
	switch {
	case err != nil:
		d.ledger.mistake(nil, err)
	case h.TransactionID >= ownTransaction:
		d.takeOwn(i, h, data)
	default:
		d.takeAnswer(i, h, data)
	}
}

// takeOwn takes in a connection id that source i has asked for outside of the
// mix.
func (d *udpDriver) takeOwn(i int, h bep15.ReplyHeader, data []byte) {
	reply, err := bep15.ParseConnectReply(data)
	if err != nil || h.TransactionID != ownTransaction|uint32(i) {
		d.ledger.mistake(nil, errUnasked)
		return
	}
	d.connected(i, reply.ConnectionID)
}

// connected gives source i a connection id. The one it had becomes the old one
// every few minutes.
func (d *udpDriver) connected(i int, id uint64) {
	s, now := &d.sources[i], d.ledger.now()
	switch {
	case s.id == 0:
		d.missing--
		s.oldID, s.oldSince = id, now
	case now-s.oldSince > oldIDLife:
		s.oldID, s.oldSince = s.id, now
	}
	s.id, s.fresh = id, now
}

// takeAnswer checks an answer against the request with its transaction id. One
// to a request that was given up comes too late and is nothing worse.
func (d *udpDriver) takeAnswer(i int, h bep15.ReplyHeader, data []byte) {
	l := d.ledger
	behind := (uint32(l.next) - 1 - h.TransactionID) & transactionMask
	f := l.find(l.next - 1 - uint64(behind))
	switch {
	case f == nil || f.socket != int32(i) || f.fate == landed:
		l.mistake(nil, errUnasked)
	case f.fate == lost:
	case h.Action == bep15.ActionError:
		l.refuse(f, data[bep15.ErrorReplySize:])
	default:
		peers, err := d.check(i, f, data)
		if err != nil {
			l.mistake(f, err)
			return
		}
		l.answer(f, peers)
	}
}

// check says what is wrong with an answer to f, or how many peers are in it.
func (d *udpDriver) check(i int, f *flight, data []byte) (peers int, err error) {
	switch f.kind {
	case Connect:
		var r bep15.ConnectReply
		if r, err = bep15.ParseConnectReply(data); err == nil {
			d.connected(i, r.ConnectionID)
		}
	case Announce:
		var r bep15.AnnounceReply
		r, err = bep15.ParseAnnounceReply(data, d.family) // no peers with an error
		peers = len(r.Peers) / d.family.CompactSize()
	case Scrape:
		var r bep15.ScrapeReply
		if r, err = bep15.ParseScrapeReply(data); err == nil && r.Len() != int(f.asked) {
			err = bep15.ErrLength
		}
	}
	return peers, err
}
