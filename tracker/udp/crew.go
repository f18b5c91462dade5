package udp

import (
	"fmt"
	"runtime"
)

// crew is the workers that one goroutine does the work of.
type crew []worker

// together is a socket whose goroutine can serve others of the kind beside it.
type together interface {
	socket
	// serveTogether is serve for the sockets of a crew, the first of which is this one.
	// The error names the address.
	serveTogether(c crew) error
}

// crews returns the crews that do the work. Each worker has one of its own unless there
// are more workers than processors, because there are several addresses: those that have
// caught up would nap one after the other and hold up each other, where one goroutine can
// look at a socket of each address after every nap.
func (s *Server) crews() []crew {
	n := len(s.workers)
	if processors := runtime.GOMAXPROCS(0); n > processors {
		if _, ok := s.workers[0].socket.(together); ok {
			eachAddress := n / len(s.Addrs())
			n = max(eachAddress, processors)
		}
	}
	crews := make([]crew, n)
	for i, w := range s.workers { // in the order of their addresses
		crews[i%n] = append(crews[i%n], w)
	}
	return crews
}

// serve has the crew answer datagrams until all of its sockets are stopped or one fails.
func (c crew) serve() error {
	first := c[0]
	if len(c) > 1 {
		return first.socket.(together).serveTogether(c)
	}
	if err := first.socket.serve(first.handler); err != nil {
		return fmt.Errorf("serve udp %v: %w", first.addr(), err)
	}
	return nil
}
