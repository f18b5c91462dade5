package nats

import (
	"fmt"
	"time"

	"keeptrack/livesync/transport"
)

// comeUp takes note of a connection.
func (l *link) comeUp(c *connection) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	line := l.options.Log.Info().Str("server", c.client.ConnectedUrlRedacted())
	if l.up {
		l.state.Rejoined++
	}
	if l.told {
		line = line.Dur("down_ms", now.Sub(l.state.Since))
	}
	line.Msg("live sync is connected to a NATS server")
	l.up, l.told = true, false
	l.state.Down, l.state.Since = nil, now
	l.now.Store(c)
}

// goDown takes note of why there is no connection, and tells it once.
func (l *link) goDown(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state.Down == nil {
		l.state.Since = time.Now()
	}
	if !l.told {
		l.options.Log.Warn().Err(err).Msg("live sync is down until a NATS server accepts it")
	}
	l.told, l.state.Down = true, err
	l.lost += l.now.Load().lost()
	l.now.Store(&connection{down: fmt.Errorf("%w: %w", transport.ErrDown, err)})
}

// State returns whether there is a connection.
func (l *link) State() transport.State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

// Lost returns the number of packets that found the queue full or were too long.
func (l *link) Lost() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost + l.now.Load().lost() + l.long.Load()
}

// lost returns the number of packets that a connection has lost; when it is gone, as of the
// last time that this was asked.
func (c *connection) lost() uint64 {
	var n uint64
	for _, s := range c.subs {
		dropped, err := s.Dropped()
		if err != nil {
			return c.seen
		}
		n += uint64(dropped)
	}
	c.seen = n
	return n
}
