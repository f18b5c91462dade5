package http

import (
	"context"
	"net"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// carriers gives each listener its engine. Whatever has no descriptor to hand
// out, such as TLS's, is net/http's.
func (s *service) carriers(listeners []net.Listener) []carrier {
	direct, others := carrier{engine: serveEpoll}, carrier{engine: serveNet}
	for _, l := range listeners {
		if _, ok := l.(syscall.Conn); ok && s.tls == nil {
			direct.listeners = append(direct.listeners, l)
		} else {
			others.listeners = append(others.listeners, l)
		}
	}
	return []carrier{direct, others}
}

// epollServer is what workers share.
type epollServer struct {
	*service
	stop, force *signal
	full        int             // an eventfd, written to by a worker that can evict nobody
	forced      context.Context // done when everything is to be closed
	streams     sync.WaitGroup  // one for each connection with a goroutine of its own
}

// serveEpoll is the engine with a worker for each CPU. They share the
// listeners, so that no connection waits for a busy worker while another is
// idle.
func serveEpoll(ctx, force context.Context, s *service, listeners []net.Listener) error {
	defer closeAll(listeners)
	group, ctx := errgroup.WithContext(ctx)
	e := &epollServer{service: s, forced: force}
	var err error
	if e.stop, err = newSignal(ctx); err != nil {
		return err
	}
	defer e.stop.close()
	if e.force, err = newSignal(force); err != nil {
		return err
	}
	defer e.force.close()
	if e.full, err = newEventfd(); err != nil {
		return err
	}
	defer closeDescriptor(e.full)
	workers, err := e.newWorkers(listeners)
	if err != nil {
		return err
	}
	closeAll(listeners) // the workers have copies; Go's own poller is to leave them alone
	for _, w := range workers {
		group.Go(w.run)
	}
	err = group.Wait()
	e.streams.Wait()
	return err
}

// newWorkers makes a worker for each CPU.
func (e *epollServer) newWorkers(listeners []net.Listener) (workers []*worker, err error) {
	defer func() {
		if err != nil {
			for _, w := range workers {
				w.closeDescriptors()
			}
		}
	}()
	for range runtime.GOMAXPROCS(0) {
		w, err := newWorker(e)
		if err != nil {
			return workers, err
		}
		workers = append(workers, w)
		for _, l := range listeners {
			if err := w.listen(l); err != nil {
				return workers, err
			}
		}
	}
	return workers, nil
}

// signal is a descriptor that can be read as soon as a context is done.
type signal struct {
	fd     int
	cancel func() bool
	raised chan struct{}
}

func newSignal(ctx context.Context) (*signal, error) {
	fd, err := newEventfd()
	if err != nil {
		return nil, err
	}
	s := &signal{fd: fd, raised: make(chan struct{})}
	s.cancel = context.AfterFunc(ctx, func() {
		defer close(s.raised)
		one := [8]byte{1, 1, 1, 1, 1, 1, 1, 1} // not 0 in any byte order
		_, _ = unix.Write(fd, one[:])          // an eventfd that was not written to takes it
	})
	return s, nil
}

// close is called once, when nobody waits for the signal any more.
func (s *signal) close() {
	if !s.cancel() {
		<-s.raised // the context is done, so it is or will be
	}
	closeDescriptor(s.fd)
}
