package livesync

import "net/netip"

// Transport carries packets between this instance and all others of its group.
// It may lose, repeat and reorder packets, and may give back an instance's own.
//
// Closing is how a transport is stopped: a Receive in progress returns
// net.ErrClosed, and so does every later call of Send and Receive.
type Transport interface {
	// Send sends p to every other instance as one packet. The caller keeps p
	// and may change it after the return. It may block for as long as the
	// system's send buffer is full, never for a receiver. It may be called
	// from several goroutines at once.
	Send(p []byte) error
	// Receive waits for a packet, copies it into buf and returns its length
	// and the address that it came from. What does not fit into buf is lost.
	// It is called from one goroutine at a time.
	Receive(buf []byte) (n int, from netip.AddrPort, err error)
	// Lost returns the number of packets that arrived and were lost before
	// Receive could take them. It may be called at any time.
	Lost() uint64
	// Close releases what the transport holds. Closing again does nothing.
	Close() error
}
