package udp

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"keeptrack/tracker/internal/nap"
)

const (
	// The leader has too much to do if it finds a full batch, or manyDatagrams in all,
	// manyTurns times in a row. A pause for the garbage makes one or two such turns. With
	// naps of 1.5 ms, manyDatagrams each time take a third of a processor.
	manyDatagrams = 2 * batchSize
	manyTurns     = 3
	// A crew leaves its sockets to the leader if both together have found fewDatagrams at
	// most in a window of time: 70,000 a second.
	window       = 100 * time.Millisecond
	fewDatagrams = 7000
	// shortWait is how long anybody waits at most while a crew is apart.
	shortWait = 2 * time.Millisecond
)

// team is the crews of a server, with a goroutine each. The leader, which is the first
// crew's, looks at everybody's sockets for as long as it can keep up: a nap and a wake-up
// for all cost what they cost for one. A crew to which much comes sees to its own sockets
// until little does.
type team struct {
	group  *errgroup.Group // the goroutines
	crews  []*crew
	done   <-chan struct{}         // closed once the server is to stop
	shared atomic.Pointer[[]*crew] // those that are not apart
	led    atomic.Int64            // datagrams that the leader found in its last window

	mu    sync.Mutex // guards what follows, changes of shared, and the crews' states
	ended bool       // the leader has answered all that the others left to it
}

// serveTogether has the crews answer, in group, until ctx is done or a socket fails. It
// returns false if the sockets cannot be served together.
func serveTogether(ctx context.Context, group *errgroup.Group, crews []*crew) bool {
	for _, c := range crews {
		for _, w := range c.workers {
			if _, ok := w.socket.(*mmsgSocket); !ok {
				return false
			}
		}
	}
	newTeam(ctx, group, crews).serve()
	return true
}

// newTeam returns a team that is to serve in group, until its context ctx is done.
func newTeam(ctx context.Context, group *errgroup.Group, crews []*crew) *team {
	t := &team{group: group, crews: crews, done: ctx.Done()}
	t.shared.Store(&crews)
	return t
}

// serve starts all goroutines.
func (t *team) serve() {
	t.group.Go(t.lead)
	for _, c := range t.crews[1:] {
		t.group.Go(func() error { return t.follow(c) })
	}
}

// lead sees to the sockets of the first crew, and of those that are not apart.
func (t *team) lead() error {
	var naps nap.Napper
	defer naps.Wake()
	delay, over := t.crews[0].delay(), 0
	load := load{since: time.Now()}
	for left := drainBatches; left > 0; {
		// Asked before receiving, so that what came before the stop is received.
		stopping := stopping(t.crews)
		shared := t.shared.Load()
		var found turn
		busiest, most := (*crew)(nil), 0
		for _, c := range *shared {
			of := t.answer(c)
			found.add(of)
			if c != t.crews[0] && of.all > most {
				busiest, most = c, of.all
			}
		}
		if load.add(found.all) {
			t.led.Store(int64(load.last))
		}
		if over++; found.all < manyDatagrams && found.largest < batchSize {
			over = 0
		}
		switch {
		case stopping && found.largest < batchSize:
			if t.end(shared) {
				return nil
			}
		case stopping:
			left--
		case found.all == 0:
			naps.Wake()
			if err := poll(*shared, len(*shared) < len(t.crews)); err != nil {
				return err
			}
		default:
			if busiest != nil && over >= manyTurns {
				t.setApart(busiest)
				over = 0
			}
			if found.largest < batchSize && delay > 0 {
				naps.Nap(delay)
			}
		}
	}
	return nil
}

// follow sees to the sockets of a crew whenever it is apart.
func (t *team) follow(c *crew) error {
	for {
		select {
		case <-c.own:
		case <-t.done:
			if t.leave(c) {
				return nil
			}
		}
		if ended, err := t.work(c); ended || err != nil {
			return err
		}
	}
}

// work sees to the sockets of a crew that is apart, until the leader does so again or the
// crew has ended.
func (t *team) work(c *crew) (ended bool, err error) {
	var naps nap.Napper
	defer naps.Wake()
	delay := c.delay()
	load := load{since: time.Now()}
	for left := drainBatches; left > 0; {
		stopping := stopping([]*crew{c})
		found := t.answer(c)
		light := load.add(found.all) && load.last+int(t.led.Load()) <= fewDatagrams
		switch {
		case stopping && found.largest < batchSize:
			return true, nil
		case stopping:
			left--
		case light && t.rejoin(c):
			return false, nil
		case found.all == 0:
			naps.Wake()
			if err := poll([]*crew{c}, true); err != nil {
				return true, err
			}
		case found.largest < batchSize && delay > 0:
			naps.Nap(delay)
		}
	}
	return true, nil
}

// share makes shared what the crews' states say. The caller holds mu.
func (t *team) share() {
	var shared []*crew
	for _, c := range t.crews {
		if !c.apart {
			shared = append(shared, c)
		}
	}
	t.shared.Store(&shared)
}

// setApart has a crew see to its own sockets, if its goroutine is still there.
func (t *team) setApart(c *crew) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !c.gone {
		c.apart = true
		t.share()
		c.own <- struct{}{} // there is room: who rejoins has taken the last
	}
}

// rejoin leaves a crew's sockets to the leader, unless that is to end.
func (t *team) rejoin(c *crew) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-t.done:
		return false
	default:
	}
	c.apart = false
	t.share()
	return true
}

// leave ends a crew whose sockets the leader sees to until it ends. It returns false if
// the crew has to do that itself.
func (t *team) leave(c *crew) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	c.apart = c.apart || t.ended
	c.gone = !c.apart
	return c.gone
}

// end ends the leader, unless it has not looked at all that is shared.
func (t *team) end(looked *[]*crew) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = looked == t.shared.Load()
	return t.ended
}
