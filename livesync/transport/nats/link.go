package nats

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	client "github.com/nats-io/nats.go"

	"keeptrack/livesync/transport"
)

const (
	// queue is the number of packets that wait for Receive before more are lost: a second
	// and a half of a newcomer's peers. That is 6 MB if the servers' max_payload is MaxPacket.
	queue = 4096
	// closeTimeout is how long Close waits for the server to take what was sent.
	closeTimeout = time.Second
)

// errConnecting is the state before the first connection.
var errConnecting = errors.New("not connected yet")

// link is a member of a group that NATS servers connect.
//
// It makes each connection with a client of its own, which does not reconnect: a client
// gives up for good after some errors, and keeps to itself why it is refused.
type link struct {
	options Options
	opts    []client.Option
	names   names
	in      chan *client.Msg
	now     atomic.Pointer[connection]
	long    atomic.Uint64 // packets lost because they were longer than any may be

	mu    sync.Mutex // guards what follows
	state transport.State
	up    bool   // once
	told  bool   // that there is no connection
	lost  uint64 // by connections that are gone

	ctx  context.Context // done when the transport is closed
	end  context.CancelFunc
	done chan struct{} // closed when the last connection is
}

// connection is what Send uses: a client, or why there is none.
type connection struct {
	client *client.Conn
	subs   []*client.Subscription
	gone   chan struct{} // closed when the client is
	down   error
	seen   uint64 // packets lost, last seen; guarded by link.mu
}

var _ transport.Transport = (*link)(nil)

// open begins to connect.
func open(o Options, opts []client.Option) *link {
	l := &link{
		options: o, opts: opts, names: newNames(o.Subject, o.Host),
		in:    make(chan *client.Msg, queue),
		state: transport.State{Down: errConnecting, Since: time.Now()},
		done:  make(chan struct{}),
	}
	l.ctx, l.end = context.WithCancel(context.Background())
	l.now.Store(&connection{down: fmt.Errorf("%w: %w", transport.ErrDown, errConnecting)})
	go l.keepConnected()
	return l
}

// Limits returns the largest packet and how far those of several senders may be out of
// order.
func (l *link) Limits() transport.Limits {
	return transport.Limits{MaxPacket: l.options.MaxPacket, ReorderWindow: ReorderWindow}
}

// Run waits until ctx is done or the transport is closed, and closes it.
func (l *link) Run(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-l.ctx.Done():
	}
	return l.Close()
}

// Send publishes p. It waits while the system takes nothing more for the server, for
// writeTimeout at most.
func (l *link) Send(to transport.Endpoint, p []byte) error {
	if l.ctx.Err() != nil {
		return net.ErrClosed
	}
	c := l.now.Load()
	if c.down != nil {
		return c.down
	}
	subject, err := l.names.subject(to)
	if err != nil {
		return err
	}
	err = c.client.PublishRequest(subject, l.names.own, p)
	if errors.Is(err, client.ErrConnectionClosed) {
		err = fmt.Errorf("%w: %w", transport.ErrDown, err)
	}
	return err
}

// Receive waits for a packet. One's own may come back over a connection that has followed
// another; it is passed over. So is what is longer than a packet may be, except for a
// watcher, and the server's word that nobody has subscribed to where a packet went.
func (l *link) Receive(buf []byte) (int, transport.Endpoint, error) {
	for {
		var m *client.Msg
		select {
		case <-l.ctx.Done():
		case m = <-l.in:
		}
		if l.ctx.Err() != nil {
			return 0, transport.Endpoint{}, net.ErrClosed
		}
		if m.Reply == l.names.own || isNoResponders(m) {
			continue
		}
		if len(m.Data) > MaxPacket && !l.options.Watch {
			l.long.Add(1)
			continue
		}
		from, ok := l.names.sender(m.Reply)
		if !ok && !l.options.Watch {
			return copy(buf, m.Data), from, transport.ErrForeign
		}
		return copy(buf, m.Data), from, nil
	}
}

// isNoResponders reports whether m says that nobody has subscribed to the subject of a
// packet. Clients of Go ask for that, and servers answer where a packet has a reply subject.
func isNoResponders(m *client.Msg) bool {
	return len(m.Data) == 0 && m.Header.Get("Status") == "503"
}

// Close waits until the server has taken what was sent, for a while, and disconnects.
func (l *link) Close() error {
	l.end()
	<-l.done
	return nil
}
