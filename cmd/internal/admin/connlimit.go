package admin

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"

	"github.com/rs/zerolog"

	"keeptrack/tracker"
)

// maxConnections is how many connections are open at a time, many times what
// monitoring, scripts and operators need.
const maxConnections = 64

// connLimit bounds the connections. Anybody who reaches the address can open as many
// as they like, without a token too. To keep one address from shutting out the
// others, a connection beyond the limit evicts one of the source with most of them:
// the one that has been longest without a request that was let through. Connections
// with such a request in hand stay, and do not count.
type connLimit struct {
	log  zerolog.Logger
	mu   sync.Mutex
	open []connection // the one longest without such a request first
}

// connection is one that is open.
type connection struct {
	conn   net.Conn
	source tracker.Network
	busy   bool // has a request in hand that was let through
}

// note is the server's ConnState.
func (l *connLimit) note(conn net.Conn, state http.ConnState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch state {
	case http.StateNew:
		l.add(conn)
	case http.StateIdle: // all of a reply is written
		l.rest(conn)
	case http.StateClosed:
		l.open = slices.DeleteFunc(l.open, func(c connection) bool { return c.conn == conn })
	}
}

// add takes in a connection. One beyond the limit evicts another, or itself if all
// others have a request in hand.
func (l *connLimit) add(conn net.Conn) {
	l.open = append(l.open, connection{conn: conn, source: sourceOf(conn)})
	if len(l.open) <= maxConnections {
		return
	}
	i := l.evictable()
	out := l.open[i].conn
	l.open = slices.Delete(l.open, i, i+1)
	_ = out.Close() // nobody waits for the rest
	l.log.Debug().Stringer("client", out.RemoteAddr()).Stringer("newest", conn.RemoteAddr()).Msg("admin connection limit reached: a connection is closed")
}

// evictable returns the position of the connection to be closed.
func (l *connLimit) evictable() (at int) {
	idle := map[tracker.Network]int{}
	for _, c := range l.open {
		if !c.busy {
			idle[c.source]++
		}
	}
	most := 0
	for i, c := range l.open {
		if !c.busy && idle[c.source] > most {
			at, most = i, idle[c.source]
		}
	}
	return at
}

// rest makes a connection that had a request in hand the one shortest without.
func (l *connLimit) rest(conn net.Conn) {
	if i := l.find(conn); i >= 0 && l.open[i].busy {
		c := l.open[i]
		c.busy = false
		l.open = append(slices.Delete(l.open, i, i+1), c)
	}
}

// find returns the position of a connection, negative if it has just been closed.
func (l *connLimit) find(conn net.Conn) int {
	return slices.IndexFunc(l.open, func(c connection) bool { return c.conn == conn })
}

// connKey is what a request's context has its connection under.
type connKey struct{}

// remember is the server's ConnContext.
func remember(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// keep has the connection of a request that was let through stay until all of
// the reply is written.
func (l *connLimit) keep(r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := l.find(r.Context().Value(connKey{}).(net.Conn)); i >= 0 {
		l.open[i].busy = true
	}
}

// sourceOf returns who a connection is from.
func sourceOf(conn net.Conn) tracker.Network {
	tcp, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return tracker.NetworkOf(netip.Addr{})
	}
	return tracker.NetworkOf(tcp.AddrPort().Addr())
}
