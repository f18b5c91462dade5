package unicast

import (
	"maps"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"
)

// maxHosts bounds the addresses of all peers together.
const maxHosts = 256

// host is an address of a peer. All of its methods may be called at any time.
type host struct {
	addr    netip.AddrPort
	tokens  atomic.Pointer[[2]token] // of the last probe and the one before
	heard   atomic.Int64             // when another's packet came, in nanoseconds after the link began; 0: never
	met     atomic.Int64             // the same, of its probes as well
	echoed  atomic.Int64             // the same, of one's own probe that came back
	failing atomic.Pointer[error]    // why the last packet could not be sent
	isHere  atomic.Bool              // it is an address of this host
}

func newHost(addr netip.AddrPort) *host {
	h := &host{addr: addr}
	h.tokens.Store(&[2]token{newToken(), newToken()}) // which nobody has seen
	return h
}

// hear takes note of a packet, and reports whether none had come for some time.
func (h *host) hear(at, silence time.Duration) bool {
	before := h.heard.Swap(max(int64(at), 1))
	return before == 0 || at-time.Duration(before) > silence
}

// note takes note of what became of sending, and reports whether that began to fail.
func (h *host) note(err error) bool {
	was := h.failing.Load()
	switch {
	case err == nil && was != nil:
		h.failing.Store(nil)
	case err != nil && was == nil:
		why := err // which is on the heap in this case alone
		return h.failing.CompareAndSwap(nil, &why)
	}
	return false
}

// within reports whether a moment that an atomic holds is at most d before at.
func within(moment *atomic.Int64, at, d time.Duration) bool {
	m := time.Duration(moment.Load())
	return m > 0 && at-m <= d
}

// table is what Send and Receive look at. It does not change.
type table struct {
	all   []*host // those that packets for all go to
	down  error   // why there is none; nil also if there is nobody but oneself
	hosts map[netip.AddrPort]*host
}

// arrange makes the table of what is known of the peers. l.mu need not be held while
// nobody else has l.
func (l *link) arrange(now time.Time) {
	at := now.Sub(l.began)
	if local, err := l.options.LocalAddresses(); err == nil { // else as before
		if l.looked && !slices.Equal(local, l.local) {
			l.doubt.Store(true) // this host has moved, so its name may have, too
		}
		l.local = local
	}
	old := l.hosts
	l.hosts = make(map[netip.AddrPort]*host)
	t := new(table)
	chosen := make(map[*host]bool)
	lacking := false
	for _, p := range l.peers {
		p.hosts = p.hosts[:0]
		for _, a := range p.addrs {
			if h := l.hostAt(old, a); h != nil {
				h.isHere.Store(l.isHere(a))
				p.hosts = append(p.hosts, h)
			}
		}
		lacking = lacking || len(p.hosts) == 0
		for _, h := range p.choose(at, l.options.Silence) {
			if !chosen[h] {
				chosen[h] = true
				t.all = append(t.all, h)
			}
		}
	}
	if t.hosts = maps.Clone(l.hosts); len(t.all) == 0 && lacking {
		t.down = downBy(errNowhere)
		l.setDown(errNowhere, now)
	} else {
		l.setDown(nil, now)
	}
	if !l.isClosed {
		l.table.Store(t)
	}
}

// hostAt returns the host with an address, made anew unless it is known, or nil if
// there are too many or it cannot be reached from here.
func (l *link) hostAt(old map[netip.AddrPort]*host, a netip.AddrPort) *host {
	if from := l.options.Listen.Addr(); from.IsValid() && from.Is4() != a.Addr().Is4() {
		return nil
	}
	h := l.hosts[a]
	if h == nil {
		if len(l.hosts) == maxHosts {
			return nil
		}
		if h = old[a]; h == nil {
			h = newHost(a)
		}
		l.hosts[a] = h
	}
	return h
}

// isHere reports whether an address is this instance's by the addresses of this host.
func (l *link) isHere(a netip.AddrPort) bool {
	at := l.options.Listen.Addr()
	switch {
	case a.Port() != l.port:
		return false
	case at.IsValid() && !at.IsUnspecified():
		return a.Addr() == at
	}
	return a.Addr().IsLoopback() || slices.Contains(l.local, a.Addr().WithZone(""))
}

// isOwn reports whether a host is this instance: by its address or, where addresses
// are translated, because a probe has come back lately and nothing else since.
func (h *host) isOwn(at time.Duration) bool {
	return h.isHere.Load() || within(&h.echoed, at, echoHolds)
}

// choose returns the hosts that packets to all go to. Addresses of one family are those
// of several instances; those of both are two ways to the same. So the family
// is taken of which more are heard and can be sent to, and both while none is.
func (p *peer) choose(at, silence time.Duration) (hosts []*host) {
	heard := map[bool]int{}
	for _, h := range p.hosts {
		if !h.isOwn(at) {
			hosts = append(hosts, h)
			if within(&h.heard, at, silence) && h.failing.Load() == nil {
				heard[h.addr.Addr().Is4()]++
			}
		}
	}
	if len(heard) > 0 {
		want := heard[true] >= heard[false]
		hosts = slices.DeleteFunc(hosts, func(h *host) bool { return h.addr.Addr().Is4() != want })
	}
	return hosts
}
