package http

import (
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"keeptrack/tracker"
)

// Page is what a browser that asks for / is shown.
type Page struct {
	// Contact is whom to write to: an e-mail address, a web address or any other text;
	// empty: nobody is named.
	Contact string
	// Ports returns those that clients announce to. It is called when the page is first
	// asked for.
	Ports func() []Port
}

// Port is a port that clients announce to.
type Port struct {
	Scheme string // of the announce URL: udp, http or https
	Number uint16
	// Local says that it is reached from this host alone, such as one that a reverse
	// proxy has.
	Local bool
}

// pageAge is how long the numbers on the page are used again. To add them up takes all
// shards' locks, one after the other.
const pageAge = 5 * time.Second

// pager makes the page.
type pager struct {
	*Page
	tracker *tracker.Tracker
	ports   func() []Port

	counting sync.Mutex // held while the numbers are made anew
	counts   atomic.Pointer[pageCounts]
}

// pageCounts are the numbers on the page.
type pageCounts struct {
	at                       time.Time
	torrents, peers, seeders uint64
}

// newPager returns nil if there is no page.
func newPager(p *Page, t *tracker.Tracker) *pager {
	if p == nil {
		return nil
	}
	return &pager{Page: p, tracker: t, ports: sync.OnceValue(p.Ports)}
}

// current returns numbers that are no older than pageAge, or older ones while another
// request makes new ones.
func (p *pager) current(now time.Time) *pageCounts {
	c := p.counts.Load()
	if c != nil && (now.Sub(c.at) < pageAge || !p.counting.TryLock()) {
		return c
	}
	if c == nil {
		p.counting.Lock()
	}
	defer p.counting.Unlock()
	if latest := p.counts.Load(); latest != c {
		return latest
	}
	s := p.tracker.Stats()
	c = &pageCounts{at: now, torrents: uint64(s.Torrents)}
	for family := range s.Peers {
		c.peers += s.Peers[family]
		c.seeders += s.Seeders[family]
	}
	p.counts.Store(c)
	return c
}

// urls returns the announce URLs, by the name that a browser has used: that which it has
// come by, and those of the other schemes. There are none without such a name.
func (p *pager) urls(at site) (all []string) {
	if at.name == "" {
		return nil
	}
	for _, port := range p.ports() {
		if port.Scheme != at.scheme && (!port.Local || isLocal(at.name)) {
			all = append(all, announceURL(port.Scheme, at.name, port.Number))
		}
	}
	return append(all, announceURL(at.scheme, at.name, at.port))
}

func announceURL(scheme, name string, port uint16) string {
	return scheme + "://" + name + ":" + strconv.FormatUint(uint64(port), 10) + "/announce"
}

// isLocal tells whether a name in a URL is one of this host for itself.
func isLocal(name string) bool {
	addr, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return err == nil && addr.IsLoopback() || strings.EqualFold(name, "localhost")
}
