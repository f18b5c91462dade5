package unicast

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	// lookEvery is the time between looking names up.
	lookEvery = 30 * time.Second
	// lookSpacing is the least time between that, when an address seems to be wrong.
	lookSpacing = 5 * time.Second
	// lookTimeout is how long the name servers have.
	lookTimeout = 10 * time.Second
)

// Run looks names up, again and again, and warns of peers that are not heard.
func (l *link) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var ending sync.WaitGroup
	defer ending.Wait()
	ending.Go(func() { // ends lookups under way
		select {
		case <-ctx.Done():
		case <-l.closed:
			cancel()
		}
	})
	defer cancel()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var looked time.Time
	for {
		select {
		case <-ctx.Done():
			return l.Close()
		case <-timer.C:
		case <-l.wake:
		}
		now := time.Now()
		if !now.Before(l.due(looked)) {
			looked = now
			l.look(ctx, now)
		} else {
			l.review(now)
		}
		timer.Reset(min(time.Until(l.due(looked)), l.options.Silence))
	}
}

// due returns when to look names up that were looked up last at looked.
func (l *link) due(looked time.Time) time.Time {
	if l.doubt.Load() {
		return looked.Add(lookSpacing)
	}
	return looked.Add(lookEvery)
}

// review makes the table anew and logs what has changed.
func (l *link) review(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.arrange(now)
	l.complain(now)
}

// look looks up all names, takes over what they stand for, and probes.
func (l *link) look(ctx context.Context, now time.Time) {
	l.doubt.Store(false)
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	var looking sync.WaitGroup
	for _, p := range l.peers {
		if p.isName() {
			looking.Go(func() {
				found, err := l.options.LookUp(ctx, p.Host)
				l.found(p, found, err)
			})
		}
	}
	looking.Wait()
	l.mu.Lock()
	l.looked = true
	l.mu.Unlock()
	l.review(now)
	l.probe()
}

// found takes over the addresses of a peer. When they cannot be looked up, those from
// before hold.
func (l *link) found(p *peer, found []netip.Addr, err error) {
	addrs := make([]netip.AddrPort, 0, len(found))
	for _, a := range found {
		addrs = append(addrs, netip.AddrPortFrom(a.Unmap(), p.Port))
	}
	slices.SortFunc(addrs, netip.AddrPort.Compare)
	addrs = slices.Compact(addrs)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isClosed {
		return // the lookup was cut short
	}
	began := err != nil && p.failed == nil
	p.failed = err
	if began {
		l.options.Log.Warn().Err(err).Str("peer", p.String()).Interface("addresses", p.addrs).
			Msg("the name of a live sync peer cannot be looked up: the last addresses stay in use")
	}
	if err == nil && !slices.Equal(addrs, p.addrs) {
		l.options.Log.Info().Str("peer", p.String()).Interface("addresses", addrs).Interface("before", p.addrs).
			Msg("a live sync peer was looked up")
		p.addrs = addrs
	}
}
