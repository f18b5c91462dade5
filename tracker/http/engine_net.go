package http

import (
	"context"
	"errors"
	stdlog "log"
	"net"
	nethttp "net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"
)

// netEngine carries requests and answers with net/http, which has a goroutine
// for each connection.
type netEngine struct {
	*service
	ctx, force context.Context // done when the server stops, and when all is to be closed
	answerers  sync.Pool
	conns      sync.WaitGroup
	places     places
}

// serveNet is the engine for every system, and for connections that are more
// than a descriptor, such as TLS's.
func serveNet(ctx, force context.Context, s *service, listeners []net.Listener) error {
	group, ctx := errgroup.WithContext(ctx)
	e := &netEngine{service: s, ctx: ctx, force: force}
	sketch := s.handler.busiest.Sketch()
	e.answerers.New = func() any { return &answerer{handler: s.handler, sampler: sketch.Sampler()} }
	if s.tls != nil {
		return e.serveTLS(listeners)
	}
	server := e.server()
	for _, l := range listeners {
		group.Go(func() error { return serveUntilClosed(server, &netListener{l, e}) })
	}
	<-ctx.Done() // so too when a listener fails
	closeAll(listeners)
	err := group.Wait()
	e.conns.Wait()
	return err
}

// serveUntilClosed serves a listener, and returns nil once it is closed.
func serveUntilClosed(server *nethttp.Server, l net.Listener) error {
	err := server.Serve(l)
	if errors.Is(err, net.ErrClosed) || errors.Is(err, nethttp.ErrServerClosed) {
		return nil
	}
	return err
}

// server returns the server that asks the engine.
func (e *netEngine) server() *nethttp.Server {
	return &nethttp.Server{
		Handler:           e,
		ReadHeaderTimeout: e.timeouts.head,
		IdleTimeout:       e.timeouts.idle,
		WriteTimeout:      e.timeouts.write,
		// net/http reads as much more at once, and may go on to the end of that.
		MaxHeaderBytes:               maxHead - 4<<10,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     ErrorLog(e.handler.log),
		ConnState:                    connState,
		ConnContext:                  withConn,
	}
}

// transport returns what traces call it that this engine speaks.
func (e *netEngine) transport() string {
	if e.tls != nil {
		return "https"
	}
	return "http"
}

// ServeHTTP answers a request.
func (e *netEngine) ServeHTTP(w nethttp.ResponseWriter, r *nethttp.Request) {
	c := r.Context().Value(connKey{}).(*netConn)
	if !c.second {
		c.asked = true
	}
	maker := e.answerers.Get().(*answerer)
	defer e.answerers.Put(maker)
	maker.now, maker.tracing = maker.tracker.Instant(time.Now()), maker.traces.Active()
	a := e.answer(maker, r, c)
	rows := a.unsized && r.Method != methodHead
	e.writeHead(w, r, a)
	if !rows {
		_, _ = w.Write(a.body) // the client may have gone, which is its own concern
		return
	}
	e.places.put(c, standStream)
	out := streamWriter{w, nethttp.NewResponseController(w)}
	_ = e.handler.stream(out, nil, a.full, e.timeouts.write)
	e.places.put(c, standBusy)
}

// answer answers a request, if it is one for the other engine too.
func (e *netEngine) answer(maker *answerer, r *nethttp.Request, c *netConn) *answer {
	source := request{client: requester{addr: plain(c.source)}}
	switch {
	case r.ProtoMajor != 1 && !c.second:
		return maker.reportRefusal(&source, maker.refuse(nethttp.StatusHTTPVersionNotSupported))
	case isTooLarge(r):
		return maker.reportRefusal(&source, maker.refuse(nethttp.StatusRequestHeaderFieldsTooLarge))
	}
	clientHeader := nethttp.CanonicalHeaderKey(e.handler.proxies.header)
	q := e.handler.request(r.Method, r.RequestURI, c.source, r.Header[clientHeader], r.Header["Accept-Encoding"])
	q.over, q.secure = r, e.tls != nil
	return maker.answer(&q)
}

// writeHead sends what comes before an answer's body.
func (e *netEngine) writeHead(w nethttp.ResponseWriter, r *nethttp.Request, a *answer) {
	header := w.Header()
	for _, f := range a.fields.list {
		header[f.name] = []string{f.value}
	}
	header["Date"] = nil // is not to be set
	if a.unsized {
		header["Transfer-Encoding"] = []string{"identity"} // is not sent, nor are chunks
	} else {
		header["Content-Length"] = []string{strconv.Itoa(len(a.body))}
	}
	hasBody := r.ContentLength != 0
	if hasBody || a.refused || a.unsized && r.ProtoMajor == 1 || e.ctx.Err() != nil {
		header["Connection"] = []string{"close"}
	}
	if hasBody { // net/http reads some of it, so that closing does not take the answer back
		_ = nethttp.NewResponseController(w).SetReadDeadline(time.Now().Add(e.timeouts.linger))
	}
	w.WriteHeader(a.status)
}

// isTooLarge tells whether a head is larger than may be: net/http does not count
// its lines, nor what it has read with the request before.
func isTooLarge(r *nethttp.Request) bool {
	lines, size := 1, len(r.Method)+len(r.RequestURI)+len(r.Host)
	for name, values := range r.Header {
		for _, value := range values {
			lines, size = lines+1, size+len(name)+len(value)+len(":\r\n")
		}
	}
	return lines > maxFields || size > maxHead
}

// streamWriter writes to the client with a deadline.
type streamWriter struct {
	nethttp.ResponseWriter
	*nethttp.ResponseController
}

// ErrorLog returns a log for a server of net/http that writes to log: panics at level
// error, everything else at level debug, since clients can cause it as often as they want.
func ErrorLog(log zerolog.Logger) *stdlog.Logger { return stdlog.New(errorWriter{log}, "", 0) }

// errorWriter writes the lines of net/http to log.
type errorWriter struct{ log zerolog.Logger }

func (w errorWriter) Write(p []byte) (int, error) {
	line, level := strings.TrimSpace(string(p)), zerolog.DebugLevel
	if strings.Contains(line, "panic serving") {
		level = zerolog.ErrorLevel
	}
	w.log.WithLevel(level).Msg(line)
	return len(p), nil
}
