package http

import (
	"container/list"
	"sync"
	"time"
)

// stand says what a connection that net/http serves waits for.
type stand uint8

const (
	standHead   stand = iota // for a full request, or for the handshake before it
	standIdle                // between requests
	standBusy                // a request is answered
	standStream              // a full scrape is, which takes its time
	standCount  int   = iota
)

// slowAfter is how long a request may be answered, which takes microseconds, before its
// client counts as one that does not read.
const slowAfter = time.Second

// places are the connections of a netEngine by what they wait for, the longest in front.
type places struct {
	mu    sync.Mutex
	lists [standCount]list.List // of *netConn
}

// put moves a connection behind the others that wait for the same, or takes it in. It
// does nothing once the connection is out: an answer over HTTP/2 may outlast it.
func (p *places) put(c *netConn, s stand) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.out {
		return
	}
	if c.place != nil {
		p.lists[c.stand].Remove(c.place)
	}
	c.stand, c.place, c.since = s, p.lists[s].PushBack(c), time.Now()
}

// remove takes a connection out for good.
func (p *places) remove(c *netConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.place != nil {
		p.lists[c.stand].Remove(c.place)
	}
	c.place, c.out = nil, true
}

// next takes out the connection to be evicted: an idle one, then one that does not read
// its replies, then one without a full request; oldest first. It returns nil if all are
// being answered.
func (p *places) next() *netConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range [...]stand{standIdle, standBusy, standHead} {
		front := p.lists[s].Front()
		if front == nil || s == standBusy && time.Since(front.Value.(*netConn).since) < slowAfter {
			continue
		}
		c := p.lists[s].Remove(front).(*netConn)
		c.place, c.out = nil, true
		return c
	}
	return nil
}

// evict closes a connection so that another one has room. ok is false if none can be
// evicted, or if the server stops, which finishes what it has.
func (e *netEngine) evict() (ok bool) {
	if e.ctx.Err() != nil {
		return false
	}
	c := e.places.next()
	if c == nil {
		return false
	}
	e.gate.evicted.Add(1)
	_ = c.raw.Close() // at once: TLS would say good-bye, to a client that may not read
	c.leaveRoom()
	return true
}
