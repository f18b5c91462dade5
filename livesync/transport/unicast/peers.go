package unicast

import (
	"net/netip"
	"slices"
	"time"

	"keeptrack/livesync/transport"
)

// peer is what is known of a configured peer. link.mu guards it.
type peer struct {
	Peer
	since  time.Time        // when it was first waited for
	addrs  []netip.AddrPort // where it is, in order
	hosts  []*host          // the same, of those that can be used
	failed error            // why its name could not be looked up the last time
	last   time.Time        // when it was last heard; the zero time: never
	warned time.Time        // when the log last said that it is not heard
}

func newPeer(p Peer, now time.Time) *peer {
	all := &peer{Peer: p, since: now}
	if a, ok := p.Addr(); ok {
		all.addrs = []netip.AddrPort{netip.AddrPortFrom(a, p.Port)}
	}
	return all
}

// isName reports whether the peer has to be looked up.
func (p *peer) isName() bool {
	_, ok := p.Addr()
	return !ok
}

// isSelf reports whether the peer is this instance and nobody else.
func (p *peer) isSelf(at time.Duration) bool {
	return len(p.hosts) > 0 && !slices.ContainsFunc(p.hosts, func(h *host) bool { return !h.isOwn(at) })
}

// hear brings up to date when the peer was last heard.
func (p *peer) hear(began time.Time, at time.Duration) {
	for _, h := range p.hosts {
		if heard := h.heard.Load(); heard > 0 && !h.isOwn(at) {
			if t := began.Add(time.Duration(heard)); t.After(p.last) {
				p.last = t
			}
		}
	}
}

// isUnheard reports whether nothing has come from a peer for longer than silence.
func (p *peer) isUnheard(now time.Time, at, silence time.Duration) bool {
	from := p.since
	if p.last.After(from) {
		from = p.last
	}
	return !p.isSelf(at) && now.Sub(from) > silence
}

// describe returns what is known of a peer. l.mu is held.
func (l *link) describe(p *peer, now time.Time) transport.Peer {
	at := now.Sub(l.began)
	p.hear(l.began, at)
	d := transport.Peer{
		Name: p.String(), Addresses: []netip.AddrPort{}, Self: p.isSelf(at), Since: p.since, Heard: p.last.Round(0),
		Unheard: p.isUnheard(now, at, l.options.Silence),
	}
	for _, h := range p.hosts {
		d.Addresses = append(d.Addresses, h.addr)
		if err := h.failing.Load(); err != nil && !h.isOwn(at) {
			d.Failing = (*err).Error()
		}
	}
	switch {
	case p.failed != nil:
		d.Failing = p.failed.Error()
	case len(p.hosts) == 0:
		d.Failing = "no address can be reached from " + l.options.where()
	}
	return d
}

// warnAgain is the time between warnings of one peer.
const warnAgain = time.Hour

// complain logs which peers are not heard, and which are again. l.mu is held.
func (l *link) complain(now time.Time) {
	for _, p := range l.peers {
		d := l.describe(p, now)
		switch {
		case d.Unheard && (p.warned.IsZero() || now.Sub(p.warned) >= warnAgain):
			p.warned = now
			line := l.options.Log.Warn().Str("peer", d.Name).Interface("addresses", d.Addresses)
			if !p.last.IsZero() {
				line = line.Time("last_heard", p.last)
			}
			if d.Failing != "" {
				line = line.Str("failing", d.Failing)
			}
			line.Msg("a live sync peer is not heard: is it up, does it send to this address, and do both let UDP through?")
		case !d.Unheard && !p.warned.IsZero():
			p.warned = time.Time{}
			l.options.Log.Info().Str("peer", d.Name).Msg("a live sync peer is heard again")
		}
	}
}
