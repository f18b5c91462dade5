// Package admin is the operator's HTTP: health, readiness, metrics, the state
// of the cluster and backups.
package admin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"sync"
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
	// Ready returns nil when the daemon serves, or a sentence on what is
	// missing.
	Ready func() error
	// Metrics is what /metrics shows.
	Metrics prometheus.Gatherer
	// Stats answers /stats as opentracker does.
	Stats http.Handler
	// Cluster returns the state of the cluster, to be shown as JSON.
	Cluster func() any
	// Backup writes a copy of the database. It is called by one request at a
	// time; an error before the first byte is what the client is told.
	Backup func(io.Writer) error
	Log    zerolog.Logger
}

// Server is the operator's HTTP server.
type Server struct {
	opts    Options
	server  *http.Server
	backups sync.Mutex // held during a backup
}

// shutdownTime is how long requests in hand may take once the server stops.
const shutdownTime = 3 * time.Second

// New returns a server that is ready to run.
func New(o Options) *Server {
	s := &Server{opts: o}
	s.server = &http.Server{
		Handler:           s.routes(),
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          log.New(debugWriter{o.Log}, "", 0),
	}
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
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "ok\n")
	})
	mux.HandleFunc("GET /readyz", s.ready)
	mux.Handle("GET /metrics", s.authorized(promhttp.HandlerFor(s.opts.Metrics, promhttp.HandlerOpts{})))
	if s.opts.Stats != nil {
		mux.Handle("GET /stats", s.authorized(steady(s.opts.Stats)))
	}
	mux.Handle("GET /debug/pprof/", s.authorized(http.HandlerFunc(pprof.Index)))
	mux.Handle("GET /debug/pprof/profile", s.authorized(http.HandlerFunc(pprof.Profile)))
	mux.Handle("GET /api/v1/cluster", s.authorized(http.HandlerFunc(s.cluster)))
	mux.Handle("GET /api/v1/backup", s.authorized(http.HandlerFunc(s.backup)))
	return mux
}

func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	if err := s.opts.Ready(); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	io.WriteString(w, "ready\n")
}

func (s *Server) cluster(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(s.opts.Cluster()); err != nil {
		s.opts.Log.Debug().Err(err).Msg("cluster state not sent")
	}
}

var errToken = errors.New("a valid bearer token is required")

// authorized lets requests with the right token through. The comparison takes
// the same time for every wrong one.
func (s *Server) authorized(next http.Handler) http.Handler {
	if s.opts.Token == "" {
		return next
	}
	want := sha256.Sum256([]byte(s.opts.Token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		got := sha256.Sum256([]byte(token))
		if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(got[:], want[:]) == 0 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, errToken.Error(), http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// debugWriter takes what net/http itself has to say.
type debugWriter struct{ log zerolog.Logger }

func (d debugWriter) Write(p []byte) (int, error) {
	d.log.Debug().Msg(strings.TrimSpace(string(p)))
	return len(p), nil
}
