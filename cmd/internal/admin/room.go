package admin

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
)

// maxConnections is how many connections are open at a time, many times what
// monitoring, scripts and operators need.
const maxConnections = 64

// room bounds the connections. Whoever reaches the address opens as many as he
// likes, without a token too. So that he keeps nobody out, a new one takes the
// place of the one that has been longest without a request that was let through.
// A new one is closed only if each of the others has such a request in hand.
type room struct {
	mu     sync.Mutex
	guests []guest // the one longest without such a request first
}

// guest is a connection.
type guest struct {
	conn net.Conn
	busy bool // has a request in hand that was let through
}

// note is the server's ConnState.
func (m *room) note(conn net.Conn, state http.ConnState) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch state {
	case http.StateNew:
		m.enter(conn)
	case http.StateClosed:
		m.guests = slices.DeleteFunc(m.guests, func(g guest) bool { return g.conn == conn })
	}
}

// enter lets a connection in, or closes it.
func (m *room) enter(conn net.Conn) {
	if len(m.guests) >= maxConnections {
		i := slices.IndexFunc(m.guests, func(g guest) bool { return !g.busy })
		if i < 0 {
			_ = conn.Close() // nothing was read from it or written to it
			return
		}
		_ = m.guests[i].conn.Close() // nobody waits for the rest
		m.guests = slices.Delete(m.guests, i, i+1)
	}
	m.guests = append(m.guests, guest{conn: conn})
}

// connKey is what a request's context has its connection under.
type connKey struct{}

// remember is the server's ConnContext.
func remember(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// keep has the request's connection stay until done is called.
func (m *room) keep(r *http.Request) (done func()) {
	m.setBusy(r, true)
	return func() { m.setBusy(r, false) }
}

// setBusy makes the request's connection the one shortest without a request.
func (m *room) setBusy(r *http.Request, busy bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.guests, func(g guest) bool { return g.conn == r.Context().Value(connKey{}) })
	if i < 0 {
		return // it has just been closed
	}
	g := m.guests[i]
	g.busy = busy
	m.guests = append(slices.Delete(m.guests, i, i+1), g)
}
