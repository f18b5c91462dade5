package nats

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	client "github.com/nats-io/nats.go"
)

const (
	// connectTimeout is how long one server has to accept a connection, and then to log
	// this instance in.
	connectTimeout = 5 * time.Second
	// writeTimeout is how long the system may take nothing more for the server.
	writeTimeout = 5 * time.Second
	// pingInterval is the time between questions whether the server is there; after two
	// without an answer it is not.
	pingInterval = 10 * time.Second
	// leastPause and longestPause bound the pause before the servers are tried again. It
	// grows by half each time, until a connection lasts longer than any pause, and members
	// that lost one server spread over its last half.
	leastPause   = 500 * time.Millisecond
	longestPause = 5 * time.Second
)

// keepConnected connects, and again when the connection is gone, until the transport is
// closed.
func (l *link) keepConnected() {
	defer close(l.done)
	var pause time.Duration
	for {
		c, err := l.connect()
		var lasted time.Duration
		if err == nil {
			l.comeUp(c)
			up := time.Now()
			err = l.serve(c)
			lasted = time.Since(up)
		}
		if l.ctx.Err() != nil {
			return
		}
		l.goDown(err)
		pause = nextPause(pause, lasted)
		select {
		case <-l.ctx.Done():
			return
		case <-time.After(pause/2 + rand.N(pause/2)):
		}
	}
}

// nextPause returns the pause after an attempt that followed a pause of last, 0 if it was
// the first, and made a connection that lasted so long, 0 if it made none. A server that
// lets members in and hangs up at once is no better than one that refuses them.
func nextPause(last, lasted time.Duration) time.Duration {
	if lasted > longestPause {
		return leastPause
	}
	return min(max(last+last/2, leastPause), longestPause)
}

// serve waits until a connection is gone, and returns why, or the transport is closed, and
// disconnects.
func (l *link) serve(c *connection) error {
	select {
	case <-c.gone:
	case <-l.ctx.Done():
		// Disconnecting with packets unread could take back what was just sent.
		_ = c.client.FlushTimeout(closeTimeout)
		c.client.Close()
		<-c.gone
	}
	if err := c.client.LastError(); err != nil {
		return err
	}
	return errDisconnected
}

var (
	errDisconnected = errors.New("the NATS server has closed the connection")
	errPayload      = fmt.Errorf("the NATS server's max_payload is less than %d bytes", MaxPacket)
)

// connect connects to one of the servers and subscribes there.
func (l *link) connect() (*connection, error) {
	ctx, cancel := context.WithCancel(l.ctx)
	defer cancel()
	d := &dialer{ctx: ctx}
	c := &connection{gone: make(chan struct{})}
	nc, err := client.Connect(strings.Join(l.options.URLs, ","), append(slices.Clone(l.opts),
		client.Name(strings.TrimPrefix(l.names.own, l.names.prefix)),
		client.NoEcho(),
		client.NoReconnect(),
		client.SkipHostLookup(), // the dialer looks names up, within its time
		client.SetCustomDialer(d),
		client.Timeout(connectTimeout),
		client.FlusherTimeout(writeTimeout),
		client.ReconnectOnFlusherError(), // which ends the connection
		client.PingInterval(pingInterval),
		client.MaxPingsOutstanding(2),
		client.ErrorHandler(l.complain()),
		client.ClosedHandler(func(*client.Conn) { close(c.gone) }),
	)...)
	if err != nil {
		return nil, d.reason(err)
	}
	c.client = nc
	if err := l.subscribe(c); err != nil {
		nc.Close()
		return nil, err
	}
	if !d.stop() {
		nc.Close()
		return nil, net.ErrClosed
	}
	return c, nil
}

// subscribe asks the server for the packets for this member, and returns when they come.
func (l *link) subscribe(c *connection) error {
	if c.client.MaxPayload() < MaxPacket {
		return errPayload
	}
	subjects := []string{l.names.prefix + all, l.names.own}
	if l.options.Watch {
		subjects = []string{l.names.prefix + ">"}
	}
	for _, s := range subjects {
		sub, err := c.client.ChanSubscribe(s, l.in)
		if err != nil {
			return err
		}
		c.subs = append(c.subs, sub)
	}
	if err := c.client.FlushTimeout(connectTimeout); err != nil {
		return err
	}
	if err := c.client.LastError(); errors.Is(err, client.ErrPermissionViolation) {
		return err
	}
	return nil
}

// complain returns what handles errors of one connection that do not end it.
func (l *link) complain() client.ErrHandler {
	var once sync.Once
	return func(_ *client.Conn, _ *client.Subscription, err error) {
		if errors.Is(err, client.ErrPermissionViolation) {
			once.Do(func() { l.options.Log.Warn().Err(err).Msg("the NATS server refuses packets of live sync") })
		}
	}
}

// dialer makes connections that the end of its context closes until stop is called.
type dialer struct {
	ctx  context.Context
	stop func() bool // of the last connection; reports whether it was in time
	err  error       // of the last attempt
}

// Dial connects to a server.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	nd := net.Dialer{Timeout: connectTimeout}
	c, err := nd.DialContext(d.ctx, network, address)
	if d.err = err; err != nil {
		return nil, err
	}
	d.stop = context.AfterFunc(d.ctx, func() { _ = c.Close() })
	return c, nil
}

// reason returns why no connection was made. The client does not say why servers could not
// be reached.
func (d *dialer) reason(err error) error {
	if errors.Is(err, client.ErrNoServers) && d.err != nil {
		return d.err
	}
	return err
}
