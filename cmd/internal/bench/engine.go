package bench

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// maxRound is the most requests started before answers are looked at again.
const maxRound = 256

// maxWait is the longest that the engine waits without looking whether it is
// to stop.
const maxWait = int64(100 * time.Millisecond)

// blockedWait is how long to wait when no more could be sent although it was
// due: for a connection or a buffer to become free.
const blockedWait = int64(time.Millisecond)

var errTimeout = errors.New("no answer in time")

// driver speaks a tracker's protocol and records in the ledger what it sends
// and receives. It is used by one goroutine.
type driver interface {
	// open does what comes before the first request and is not counted.
	open(ctx context.Context) error
	// start sends the next n requests and returns how many it could.
	start(n int) int
	// receive waits for answers, at most for a time, and takes in all there
	// are.
	receive(wait time.Duration)
	// abandon is told of a request that has just been given up.
	abandon(f *flight)
	// close gives everything back and joins all goroutines.
	close()
}

// engine sends what is due until the pace ends or it is told to stop, and then
// waits for what is still in flight.
type engine struct {
	pace   *pace
	ledger *ledger
	driver driver
	attack *attacker // nil: none
	stop   atomic.Bool
}

// outcome says how long the sending went on, in nanoseconds, and how many
// requests were due by then but not sent.
type outcome struct {
	sending int64
	unsent  uint64
}

func (e *engine) run() outcome {
	var o outcome
	for sending := true; ; {
		now := e.ledger.now()
		for f := e.ledger.expire(now); f != nil; f = e.ledger.expire(now) {
			e.driver.abandon(f)
		}
		until := now + maxWait
		if sending && e.pace.more(now, e.ledger.next) {
			until = min(until, e.start(now))
			if e.attack != nil {
				until = min(until, e.attack.step(now))
			}
		}
		if sending && (e.stop.Load() || !e.pace.more(now, e.ledger.next)) {
			sending = false
			o = outcome{now, e.pace.unsent(now, e.ledger.next)}
		}
		if !sending && e.ledger.waiting == 0 {
			return o
		}
		if e.ledger.waiting > 0 {
			until = min(until, e.ledger.nextExpiry())
		}
		e.driver.receive(time.Duration(max(until-now, 0)))
	}
}

// start starts what is due now and returns when to look for more.
func (e *engine) start(now int64) int64 {
	n := e.pace.ready(now, e.ledger.next, e.ledger.waiting)
	if n > 0 && e.driver.start(n) < n {
		return now + blockedWait
	}
	return e.pace.next(e.ledger.next)
}

// close gives everything back.
func (e *engine) close() {
	e.driver.close()
	if e.attack != nil {
		e.attack.link.closeAll()
	}
}
