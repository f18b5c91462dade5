package bench

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"keeptrack/tracker/bep15"
)

// memLink is a link to a tracker that is a function. It is for use in virtual
// time.
type memLink struct {
	latency time.Duration
	// answer returns what arrives for a packet sent on socket i.
	answer func(i int, packet []byte) []delivery
	refuse error // by open

	pending []pending
	opened  []bool
	opens   int
	sentAt  []time.Duration // since started
	started time.Time
	closed  bool
}

// delivery is something that arrives.
type delivery struct {
	data []byte
	err  error
	to   int // the socket, counted from the one that the packet was sent on
}

type pending struct {
	delivery
	at time.Time
	i  int
	of int // the opening of the socket that it belongs to
}

func (l *memLink) open(i int) error {
	if l.refuse != nil {
		return l.refuse
	}
	if l.opened[i] {
		panic("opened twice")
	}
	l.opened[i] = true
	l.opens++
	return nil
}

func (l *memLink) send(i int, packets [][]byte) (int, error) {
	for _, p := range packets {
		l.sentAt = append(l.sentAt, time.Since(l.started))
		for _, d := range l.answer(i, slices.Clone(p)) {
			to := (i + d.to) % len(l.opened)
			l.pending = append(l.pending, pending{d, time.Now().Add(l.latency), to, l.opens})
		}
	}
	return len(packets), nil
}

func (l *memLink) receive(wait time.Duration, arrive func(i int, data []byte, err error)) {
	if len(l.pending) > 0 {
		wait = min(wait, time.Until(l.pending[0].at))
	}
	time.Sleep(wait)
	for len(l.pending) > 0 && time.Until(l.pending[0].at) <= 0 {
		p := l.pending[0]
		l.pending = l.pending[1:]
		if l.opened[p.i] {
			arrive(p.i, p.data, p.err)
		}
	}
}

func (l *memLink) close(i int) {
	l.opened[i] = false
	l.pending = slices.DeleteFunc(l.pending, func(p pending) bool { return p.i == i })
}

func (l *memLink) closeAll() { l.closed = true }

// runOn runs a load on the link in virtual time. Changes are made to a load of
// announces.
func runOn(t *testing.T, l *memLink, change func(*Options)) (report Report, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { report, err = runInBubble(t, t.Context(), l, change) })
	return report, err
}

func runInBubble(t *testing.T, ctx context.Context, l *memLink, change func(*Options)) (Report, error) {
	t.Helper()
	o := DefaultOptions()
	o.URL, o.Mix, o.Sources = "udp://127.0.0.1:1", Mix{Announce: 1}, 4
	change(&o)
	b, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	r := route{stream: b.stream, remote: netip.MustParseAddrPort("127.0.0.1:1"), sources: o.Sources}
	l.started = time.Now()
	report, err := b.run(ctx, r, func(_ route, sockets int) (link, error) {
		l.opened = make([]bool, sockets)
		return l, nil
	})
	if !l.closed {
		t.Error("the link is left open")
	}
	return report, err
}

// counts are the figures of a report that say what came of the requests.
type counts struct{ sent, good, errors, wrong, lost, unsent uint64 }

func countsOf(r Report) counts { return counts{r.Sent, r.Good, r.Errors, r.Wrong, r.Lost, r.Unsent} }

// answerUDP answers as a tracker with two peers in every swarm does.
func answerUDP(packet []byte) []byte {
	h, _ := bep15.ParseRequestHeader(packet)
	switch h.Action {
	case bep15.ActionConnect:
		return bep15.ConnectReply{TransactionID: h.TransactionID, ConnectionID: 7}.Append(nil)
	case bep15.ActionAnnounce:
		return bep15.AnnounceReply{TransactionID: h.TransactionID, Interval: 1800, Peers: make([]byte, 12)}.Append(nil)
	}
	r, _ := bep15.ParseScrapeRequest(packet)
	return bep15.ScrapeReply{TransactionID: r.TransactionID, Rows: make([]byte, bep15.ScrapeRowSize*r.Len())}.Append(nil)
}

func isConnect(packet []byte) bool {
	h, _ := bep15.ParseRequestHeader(packet)
	return h.Action == bep15.ActionConnect
}

// udpTracker answers connects, and everything else as change makes it of a good
// answer.
func udpTracker(change func(answer []byte) []delivery) func(int, []byte) []delivery {
	return func(_ int, packet []byte) []delivery {
		answer := answerUDP(packet)
		if isConnect(packet) {
			return []delivery{{data: answer}}
		}
		return change(answer)
	}
}

func good(answer []byte) []delivery { return []delivery{{data: answer}} }

var errRefused = errors.New("refused")
