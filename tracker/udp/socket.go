package udp

import (
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/tracker/bep15"
)

// maxPacketSize is the part of a datagram that is read: the longest scrape fits,
// and of an announce only the options would be cut.
const maxPacketSize = bep15.MaxScrapeRequestSize

// socket is one worker's end of a bound address. There are two: one of Linux's
// own system calls that take many datagrams at once, and a portable one.
type socket interface {
	// addr returns the address bound.
	addr() netip.AddrPort
	// serve has h answer datagrams until stop is called or the socket fails.
	// It answers those that it has received before it returns; those that a
	// passed socket still holds are left to whoever serves it next.
	serve(h *handler) error
	// stop makes serve return nil, now or as soon as it is called. Any
	// goroutine may call it, also after close.
	stop()
	// kernelDrops counts the datagrams that the system has dropped.
	kernelDrops() uint64
	// close releases the socket. It is called after serve has returned, and
	// may be called again.
	close() error
}

// socketOptions are the settings of the sockets of one address.
type socketOptions struct {
	addr          netip.AddrPort
	passed        *os.File // the socket bound to addr, shared by all workers; nil: bind it
	workers       int
	receiveBuffer int
	batchDelay    time.Duration
	log           zerolog.Logger
}

// opener opens a socket for each worker, all bound to the same address.
type opener func(socketOptions) ([]socket, error)

// closeAll closes sockets of which no worker is in use.
func closeAll(sockets []socket) error {
	var first error
	for _, s := range sockets {
		if err := s.close(); err != nil && first == nil {
			first = fmt.Errorf("close udp %v: %w", s.addr(), err)
		}
	}
	return first
}
