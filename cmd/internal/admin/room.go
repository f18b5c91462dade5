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

// room bounds the connections. Whoever reaches the address opens as many as he
// likes, as fast as he likes, without a token too. So that he keeps nobody out
// from one address, one too many closes one of the source that has the most: the
// one that has been longest without a request that was let through. Those that
// have such a request in hand stay, and do not count.
type room struct {
	log    zerolog.Logger
	mu     sync.Mutex
	guests []guest // the one longest without such a request first
}

// guest is a connection.
type guest struct {
	conn   net.Conn
	source tracker.Network
	busy   bool // has a request in hand that was let through
}

// note is the server's ConnState.
func (m *room) note(conn net.Conn, state http.ConnState) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch state {
	case http.StateNew:
		m.enter(conn)
	case http.StateIdle: // all of a reply is written
		m.rest(conn)
	case http.StateClosed:
		m.guests = slices.DeleteFunc(m.guests, func(g guest) bool { return g.conn == conn })
	}
}

// enter lets a connection in. One too many closes another, or itself if all
// others have a request in hand.
func (m *room) enter(conn net.Conn) {
	m.guests = append(m.guests, guest{conn: conn, source: sourceOf(conn)})
	if len(m.guests) <= maxConnections {
		return
	}
	i := m.leastMissed()
	out := m.guests[i].conn
	m.guests = slices.Delete(m.guests, i, i+1)
	_ = out.Close() // nobody waits for the rest
	m.log.Debug().Stringer("client", out.RemoteAddr()).Stringer("newest", conn.RemoteAddr()).Msg("an admin connection too many, closed")
}

// leastMissed returns the position of the guest to be closed.
func (m *room) leastMissed() (at int) {
	idle := map[tracker.Network]int{}
	for _, g := range m.guests {
		if !g.busy {
			idle[g.source]++
		}
	}
	most := 0
	for i, g := range m.guests {
		if !g.busy && idle[g.source] > most {
			at, most = i, idle[g.source]
		}
	}
	return at
}

// rest makes a connection that had a request in hand the one shortest without.
func (m *room) rest(conn net.Conn) {
	if i := m.find(conn); i >= 0 && m.guests[i].busy {
		g := m.guests[i]
		g.busy = false
		m.guests = append(slices.Delete(m.guests, i, i+1), g)
	}
}

// find returns the position of a connection, negative if it has just been closed.
func (m *room) find(conn net.Conn) int {
	return slices.IndexFunc(m.guests, func(g guest) bool { return g.conn == conn })
}

// connKey is what a request's context has its connection under.
type connKey struct{}

// remember is the server's ConnContext.
func remember(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// keep has the connection of a request that was let through stay until all of
// the reply is written.
func (m *room) keep(r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i := m.find(r.Context().Value(connKey{}).(net.Conn)); i >= 0 {
		m.guests[i].busy = true
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
