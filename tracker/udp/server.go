// Package udp is the tracker's front end for the UDP tracker protocol, whose
// packets are in package bep15: connection ids, and a server whose workers each
// have a socket of their own. Whoever receives a request answers it, with no queue or
// goroutine between; that may be one goroutine for all workers (see team).
package udp

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"keeptrack/tracker"
	"keeptrack/tracker/busiest"
	"keeptrack/tracker/trace"
)

// minSecretSize is the least number of bytes that the secret needs for
// connection ids that nobody guesses.
const minSecretSize = 16

// Options are the settings of a Server.
type Options struct {
	// Workers is the number of workers for each address; 0 is one for each CPU.
	Workers int
	// ReceiveBuffer is the size in bytes to ask for each socket's receive
	// buffer; 0 leaves it to the system.
	ReceiveBuffer int
	// BatchDelay is how long a worker that has caught up lets requests gather
	// before it looks again; 0 is not at all. A request that arrives while the
	// worker is waiting for one is answered at once.
	BatchDelay time.Duration
	// ConnectionIDLifetime is how long a connection id is good for at least.
	ConnectionIDLifetime time.Duration
	// Secrets have at least 16 bytes each. Connection ids are made from the first,
	// and those made from any are taken; so servers with the same secret take each
	// other's.
	Secrets [][]byte
	// Busiest gets a sample of the requests; nil: nobody asks for it.
	Busiest *busiest.Busiest
	// Traces are told of requests while some are under way; nil: there never are.
	Traces *trace.Traces
	// Log gets a line for every announce at trace level, and next to nothing
	// otherwise.
	Log zerolog.Logger
}

// Server answers the UDP tracker protocol.
type Server struct {
	workers []worker
	ids     atomic.Pointer[connectionIDs]
}

// worker is a socket and who answers for it.
type worker struct {
	socket
	handler *handler
}

// New returns a Server that is ready to run, and owns the sockets.
func New(o Options, s *Sockets, t *tracker.Tracker) (*Server, error) {
	if err := o.validateIDs(); err != nil {
		return nil, err
	}
	server := &Server{}
	server.ids.Store(newConnectionIDs(o.ConnectionIDLifetime, o.Secrets...))
	for _, socket := range s.sockets {
		h := newHandler(t, &server.ids, o.Log)
		h.sampler, h.traces = o.Busiest.Sketch().Sampler(), o.Traces
		server.workers = append(server.workers, worker{socket, h})
	}
	return server, nil
}

// SetSecrets puts other secrets in force, as in Options. A connection id that the
// server took at the time at is taken as long as it would have been. Of the secrets
// that ids were made from before, only those are kept that were in force last, so that
// there are four in all: a wrong id must not cost much. It may be called while the server
// runs, by one goroutine at a time.
func (s *Server) SetSecrets(secrets [][]byte, at time.Time) error {
	if err := validateSecrets(secrets); err != nil {
		return err
	}
	s.ids.Store(s.ids.Load().replacedBy(secrets, at))
	return nil
}

// Addrs returns the addresses bound, in the order in which they were opened.
func (s *Server) Addrs() []netip.AddrPort {
	var addrs []netip.AddrPort
	for _, w := range s.workers {
		if a := w.addr(); len(addrs) == 0 || addrs[len(addrs)-1] != a {
			addrs = append(addrs, a)
		}
	}
	return addrs
}

// Run answers requests until ctx is done, then answers those already received,
// closes the sockets and returns nil. If a socket fails, it ends in the same
// way and returns that error. It is called once.
func (s *Server) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	s.serve(ctx, group)
	group.Go(func() error {
		<-ctx.Done()
		for _, w := range s.workers {
			w.stop()
		}
		return nil
	})
	return errors.Join(group.Wait(), s.Close())
}

// Close releases the sockets of a Server that is not going to run. After Run
// it does nothing.
func (s *Server) Close() error {
	sockets := make([]socket, len(s.workers))
	for i, w := range s.workers {
		sockets[i] = w.socket
	}
	return closeAll(sockets)
}

// Stats returns the counts so far. Any goroutine may call it, also after Run.
func (s *Server) Stats() Stats {
	var stats Stats
	for _, w := range s.workers {
		f := stats.family(familyOf(w.addr().Addr()))
		w.handler.count.addTo(f)
		f.KernelDrops += w.kernelDrops()
	}
	return stats
}

// validateIDs returns what makes connection ids impossible.
func (o *Options) validateIDs() error {
	if o.ConnectionIDLifetime <= 0 {
		return fmt.Errorf("udp: the connection id lifetime %v is not positive", o.ConnectionIDLifetime)
	}
	return validateSecrets(o.Secrets)
}

func validateSecrets(secrets [][]byte) error {
	if len(secrets) == 0 || len(secrets) > maxSecrets {
		return fmt.Errorf("udp: %d connection secrets, not 1 to %d", len(secrets), maxSecrets)
	}
	for _, secret := range secrets {
		if len(secret) < minSecretSize {
			return fmt.Errorf("udp: the connection secret has %d bytes, fewer than %d", len(secret), minSecretSize)
		}
	}
	return nil
}

// familyOf returns the family of an address that is not IPv6-mapped.
func familyOf(a netip.Addr) tracker.Family {
	if a.Is4() {
		return tracker.IPv4
	}
	return tracker.IPv6
}
