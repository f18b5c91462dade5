package multicast

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"keeptrack/livesync/transport"
)

const (
	// lookDelay is how long after a change the interface is looked at, so that one
	// look serves a burst of changes. While the group is down, it is also the time
	// between looks.
	lookDelay = 500 * time.Millisecond
	// lookSpacing is the least time between looks that follow failures to send.
	lookSpacing = 100 * time.Millisecond
)

// errNotJoined is the state before the first join.
var errNotJoined = errors.New("not joined yet")

// Run follows the interface: when it comes back or its address changes, the group
// is joined again.
func (g *group) Run(ctx context.Context) error {
	var watching sync.WaitGroup
	watching.Go(g.links.run)
	defer watching.Wait()
	timer := time.NewTimer(lookDelay)
	defer timer.Stop()
	armed := true
	for {
		select {
		case <-ctx.Done():
			return g.Close()
		case <-g.closed:
			return nil
		case <-g.links.changed:
			if !armed {
				timer.Reset(lookDelay)
				armed = true
			}
		case <-timer.C:
			g.look(0)
			if armed = g.State().Down != nil; armed {
				timer.Reset(lookDelay)
			}
		}
	}
}

// look joins the group where the interface is now, unless it is joined there. It
// does nothing if the last look is not older than spacing.
func (g *group) look(spacing time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if g.isClosed || now.Sub(g.looked) < spacing {
		return
	}
	g.looked = now
	if g.links.take(g.at.index) {
		g.joined = false // the kernel has forgotten who had joined there
	}
	at, err := g.options.find(g.at.from)
	switch {
	case err != nil:
		g.goDown(err, now)
	case !g.joined || at != g.at || g.state.Down != nil:
		if err := g.join(at); err != nil {
			g.goDown(err, now)
			return
		}
		g.comeUp(now)
	}
}

// goDown takes note of why packets cannot be carried. g.mu is held.
func (g *group) goDown(err error, now time.Time) {
	present := g.out.Load()
	g.out.Store(&sender{conn: present.conn, from: present.from, down: fmt.Errorf("%w: %w", transport.ErrDown, err)})
	if g.state.Down == nil {
		g.state.Since = now
		g.options.Log.Warn().Err(err).Msg("live sync is down until its interface is back")
	}
	g.state.Down = err
}

// comeUp takes note of a join other than the first. g.mu is held.
func (g *group) comeUp(now time.Time) {
	line := g.options.Log.Info().Str("interface", g.at.name).Stringer("from", g.at.from)
	if g.state.Down != nil {
		line = line.Dur("down_ms", now.Sub(g.state.Since))
		g.state.Down, g.state.Since = nil, now
	}
	g.state.Rejoined++
	line.Msg("live sync has joined its group again")
	g.logOthers()
}

// join joins the group at a place, and leaves it where it was. g.mu is held.
func (g *group) join(at place) error {
	if !g.joined || at.index != g.at.index {
		// The socket still counts itself in where it was, even if that interface
		// is gone or was made again with the same index. The error of a socket
		// that does not says nothing new.
		_ = leaveGroup(g.in, g.to, g.at.index)
		g.joined = false
		if err := joinGroup(g.in, g.to, at.index); err != nil {
			return fmt.Errorf("receive from %s on %s: %w", g.to, at.name, err)
		}
		g.joined, g.at = true, place{index: at.index, name: at.name}
	}
	conn, err := g.senderAt(at)
	if err != nil {
		return fmt.Errorf("send from %s port %d on %s: %w", at.from, g.options.Port, at.name, err)
	}
	g.at = at
	return g.replaceSender(&sender{conn: conn, from: at.from})
}

// senderAt returns a socket to send with at a place: the present one if it is
// bound to the right address. g.mu is held.
func (g *group) senderAt(at place) (*net.UDPConn, error) {
	if s := g.out.Load(); s.conn != nil && s.from == at.from {
		return s.conn, sendOn(s.conn, at.index)
	}
	return openSender(at.index, netip.AddrPortFrom(at.from, g.options.Port), g.options.Loopback)
}
