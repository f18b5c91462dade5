package bench

import (
	"math"
	"time"
)

// pace says when requests are started. Times are nanoseconds since the start
// of the run. It holds no state, so that it is the same at any speed.
type pace struct {
	window int     // closed loop: requests in flight
	step   float64 // open loop: nanoseconds between requests; 0 for closed
	end    int64   // when no more are started
	limit  uint64  // requests in all
}

func newPace(o *Options) pace {
	p := pace{window: o.Window, end: int64(o.Duration), limit: o.Requests}
	if p.limit == 0 {
		p.limit = math.MaxUint64
	}
	if o.Rate > 0 {
		p.step = float64(time.Second) / o.Rate
		p.limit = min(p.limit, uint64(math.Ceil(float64(p.end)/p.step)))
	}
	return p
}

// more says whether requests remain to be started.
func (p *pace) more(now int64, started uint64) bool { return started < p.limit && now < p.end }

// ready returns how many requests to start now, of which some are waiting for
// an answer.
func (p *pace) ready(now int64, started uint64, waiting int) int {
	left := min(p.limit-started, maxRound)
	if p.step == 0 {
		return int(min(uint64(max(p.window-waiting, 0)), left))
	}
	return int(min(p.due(now)-min(started, p.due(now)), left))
}

// due returns how many requests are due by now in the open loop.
func (p *pace) due(now int64) uint64 {
	return min(uint64(float64(now)/p.step)+1, p.limit)
}

// dueAt returns when request k is due, from which its latency counts: in the
// open loop its turn, however late it is sent, in the closed loop now.
func (p *pace) dueAt(k uint64, now int64) int64 {
	if p.step == 0 {
		return now
	}
	return int64(math.Ceil(float64(k) * p.step))
}

// next returns when to look again for requests to start, if none is answered
// before.
func (p *pace) next(started uint64) int64 {
	if p.step == 0 {
		return p.end
	}
	return min(p.dueAt(started, 0), p.end)
}

// unsent returns how many of the requests due by now were not started.
func (p *pace) unsent(now int64, started uint64) uint64 {
	if p.step == 0 {
		return 0
	}
	return p.due(min(now, p.end-1)) - started
}
