package udp

import (
	"context"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// crew is workers with sockets of different addresses, whose work one goroutine can do.
type crew struct {
	workers []worker
	own     chan struct{} // tells its goroutine that the crew is apart

	// What follows is guarded by its team.
	apart bool // its own goroutine does its work, not the leader
	gone  bool // that goroutine has ended
}

// serve has the workers answer, in group, until ctx is done or one fails.
func (s *Server) serve(ctx context.Context, group *errgroup.Group) {
	if len(s.workers) > 1 && serveTogether(ctx, group, s.crews()) {
		return
	}
	for _, w := range s.workers {
		group.Go(func() error {
			if err := w.serve(w.handler); err != nil {
				return fmt.Errorf("serve udp %v: %w", w.addr(), err)
			}
			return nil
		})
	}
}

// crews returns the workers in as many crews as there are processors, or as each address
// has workers if that is more.
func (s *Server) crews() []*crew {
	eachAddress := len(s.workers) / len(s.Addrs())
	crews := make([]*crew, min(len(s.workers), max(eachAddress, runtime.GOMAXPROCS(0))))
	for i := range crews {
		crews[i] = &crew{own: make(chan struct{}, 1)}
	}
	for i, w := range s.workers { // in the order of their addresses
		c := crews[i%len(crews)]
		c.workers = append(c.workers, w)
	}
	return crews
}
