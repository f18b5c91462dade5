// Package admin is the operator's HTTP: a page, health, readiness, metrics, backups
// and the JSON interface that openapi.yaml describes.
package admin

import (
	"context"
	_ "embed" // of openapi.yaml
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/pprof"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/zerolog"
)

// Options are the settings of a Server.
type Options struct {
	// Listener is what to serve, for TCP or a unix socket. The server owns it.
	Listener net.Listener
	// Token, unless empty, must come as a Bearer token with every request but
	// those for health and readiness.
	Token string
	// ReadToken, unless empty, may come in its place with requests that look and do
	// no more. Without a Token it is not looked at.
	ReadToken string
	// Ready returns nil when the daemon serves, or a sentence on what is
	// missing.
	Ready func() error
	// Impaired returns what does not work although the daemon serves, for
	// /readyz to show; nil when everything works. It does not make the daemon
	// unready.
	Impaired func() error
	// Metrics is what /metrics shows.
	Metrics prometheus.Gatherer
	// Stats answers /stats as opentracker does.
	Stats http.Handler
	// API returns what the JSON interface shows and does, or why it cannot yet.
	API func() (API, error)
	// Backup writes a copy of the database. It is called by one request at a
	// time; an error before the first byte is what the client is told.
	Backup func(io.Writer) error
	Log    zerolog.Logger
}

// Server is the operator's HTTP server.
type Server struct {
	opts   Options
	server *http.Server
	limit  connLimit
	errors *log.Logger // of what others serve here

	stopping     chan struct{} // closed once the server stops
	copying      atomic.Bool   // a backup is under way
	unauthorized atomic.Uint64 // requests without a token that allows them
}

// shutdownTime is how long requests in hand may take once the server stops.
const shutdownTime = 3 * time.Second

// New returns a server that is ready to run.
func New(o Options) *Server {
	s := &Server{opts: o, limit: connLimit{log: o.Log}, errors: log.New(&serverLog{log: o.Log}, "", 0), stopping: make(chan struct{})}
	s.server = &http.Server{
		Handler:           s.routes(),
		ReadHeaderTimeout: 5 * time.Second,
		WriteTimeout:      stall, // of what the server itself answers; the others use steadyWriter
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ConnState:         s.limit.note,
		ConnContext:       remember,
		ErrorLog:          s.errors,
	}
	s.server.RegisterOnShutdown(func() { close(s.stopping) })
	return s
}

// Run serves until ctx is done.
func (s *Server) Run(ctx context.Context) error {
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
		defer cancel()
		if s.server.Shutdown(bounded) != nil {
			s.server.Close()
		}
	})
	err := s.server.Serve(s.opts.Listener)
	if stop() {
		s.server.Close()
		return fmt.Errorf("admin: %w", err)
	}
	<-stopped
	return nil
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	s.handle(mux, "GET /healthz", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "ok\n")
	}))
	s.handle(mux, "GET /readyz", http.HandlerFunc(s.ready))
	s.handle(mux, "GET /{$}", s.index())
	s.handle(mux, "GET /page/{file}", http.HandlerFunc(s.pageFile))
	s.handle(mux, "GET /metrics", promhttp.HandlerFor(s.opts.Metrics, promhttp.HandlerOpts{ErrorLog: s.errors}))
	if s.opts.Stats != nil {
		s.handle(mux, "GET /stats", s.opts.Stats)
	}
	s.handle(mux, "GET /debug/pprof/", s.getOnly(pprof.Index))
	s.handle(mux, "GET /debug/pprof/profile", s.getOnly(pprof.Profile))
	for _, r := range routes {
		s.handle(mux, r.method+" "+r.path, s.answer(r.do))
	}
	s.handle(mux, "GET /api/v1/backup", http.HandlerFunc(s.backup))
	s.handle(mux, "GET /api/v1/trace", s.getOnly(s.trace))
	s.handle(mux, "GET /api/v1/openapi.yaml", http.HandlerFunc(describe))
	s.handle(mux, "/api/", s.other(mux))
	return s.reported(hardened(s.bodiless(steady(mux))))
}

// Unauthorized returns the number of requests that came without a token that allows them.
func (s *Server) Unauthorized() uint64 { return s.unauthorized.Load() }

// openAPI describes the JSON interface, in YAML.
//
//go:embed openapi.yaml
var openAPI []byte

func describe(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	w.Write(openAPI)
}

func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	if err := s.opts.Ready(); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	io.WriteString(w, "ready\n")
	if err := s.opts.Impaired(); err != nil {
		fmt.Fprintf(w, "impaired: %v\n", err)
	}
}
