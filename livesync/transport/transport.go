// Package transport holds the contract between a live sync node and whatever
// carries its packets. Each transport is a package below it: multicast for one
// network, unicast for several, nats for those that NATS servers connect, memory for
// tests. transporttest holds the tests that all of them pass.
//
// # Lifecycle
//
// A transport's New validates its options and opens what it needs; an error leaves
// nothing open. From then on Send and Receive work. Run keeps the transport
// working: when the network below goes and comes back, it joins its group again,
// and what was sent meanwhile is lost. Run returns when its context is done or
// Close is called, and has closed the transport then.
//
// Once a transport is closed, a Receive in progress and every later call of
// Send and Receive return net.ErrClosed. Nothing is sent after that: whoever
// has something left to send does so first.
//
// # Packets
//
// Packets may be lost, repeated and reordered, within Limits.ReorderWindow. An
// instance's own packets may come back to it. A packet arrives whole and
// unchanged, or not at all.
package transport

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"time"
)

// Transport carries packets between this instance and the others of its group.
// All methods but Receive may be called from several goroutines at once.
type Transport interface {
	// Limits returns what the transport can do. It does not change.
	Limits() Limits
	// Run keeps the transport working until ctx is done or Close is called.
	// Then it closes the transport and returns nil. Another error means that
	// the transport cannot go on; it is closed then, too. Run is called once
	// at most.
	Run(ctx context.Context) error
	// State reports whether packets can be carried.
	State() State
	// Send sends p as one packet to a member, or to all others if to is All. A
	// transport that cannot reach one member alone sends to all: a packet that
	// is meant for one names it. The caller keeps p and may change it after the
	// return. Send may block while the system's send buffer is full, never for
	// a receiver. While the transport is down, p is lost and the error wraps
	// ErrDown.
	Send(to Endpoint, p []byte) error
	// Receive waits for a packet, copies it into buf and returns its length
	// and sender. What does not fit into buf is lost. A packet from a sender
	// that the transport does not trust comes with ErrForeign and is not to be
	// used. After any other error but net.ErrClosed the caller may try again.
	// It is called from one goroutine at a time.
	Receive(buf []byte) (n int, from Endpoint, err error)
	// Lost returns the number of packets that arrived and were lost before
	// Receive could take them.
	Lost() uint64
	// Close releases what the transport holds and ends Run. Closing again does
	// nothing.
	Close() error
}

// Limits are what a transport can do.
type Limits struct {
	// MaxPacket is the size of the largest packet in bytes.
	MaxPacket int
	// ReorderWindow bounds reordering: a packet sent this long after another one
	// arrives after it, if both arrive.
	ReorderWindow time.Duration
}

// State is what a transport says of itself.
type State struct {
	// Down is why packets can be neither sent nor received; nil while they can.
	Down error
	// Since is when that became so: the start, or the last change between up and
	// down.
	Since time.Time
	// Rejoined counts how often the transport has joined its group again.
	Rejoined uint64
	// Peers are the members that the transport was told of, if it has to be told.
	Peers []Peer
	// Unsent counts packets that the system did not take for one of the Peers.
	Unsent uint64
}

// Peer is a member that a transport was told of.
type Peer struct {
	// Name is as the operator wrote it.
	Name string `json:"name"`
	// Addresses are where packets to it go; none while its name cannot be looked up.
	Addresses []netip.AddrPort `json:"addresses"`
	// Self says that it is this instance.
	Self bool `json:"self,omitempty"`
	// Since is from when on it is waited for.
	Since time.Time `json:"-"`
	// Heard is when a packet last came from it; the zero time if none did.
	Heard time.Time `json:"last_heard,omitzero"`
	// Unheard says that it should have been heard for some time, and was not.
	Unheard bool `json:"unheard"`
	// Failing is why it is not sent to; empty while it is.
	Failing string `json:"failing,omitempty"`
}

// Unheard returns how many of the Peers are not heard.
func (s State) Unheard() (n int) {
	for i := range s.Peers {
		if s.Peers[i].Unheard {
			n++
		}
	}
	return n
}

// MarshalJSON returns an object with the members up, down (why not), since,
// rejoined, and, of a transport that is told of members, peers and unsent.
func (s State) MarshalJSON() ([]byte, error) {
	v := struct {
		Up       bool      `json:"up"`
		Down     string    `json:"down,omitempty"`
		Since    time.Time `json:"since"`
		Rejoined uint64    `json:"rejoined"`
		Peers    []Peer    `json:"peers,omitempty"`
		Unsent   *uint64   `json:"unsent,omitempty"`
	}{Up: s.Down == nil, Since: s.Since, Rejoined: s.Rejoined, Peers: s.Peers}
	if s.Peers != nil {
		v.Unsent = &s.Unsent
	}
	if s.Down != nil {
		v.Down = s.Down.Error()
	}
	return json.Marshal(v)
}

// ErrDown is wrapped by the errors of Send while a transport is down. The
// transport logs when that begins and ends.
var ErrDown = errors.New("live sync is down")

// ErrForeign is returned by Receive with a packet from a sender that the
// transport does not trust. Who is trusted is the transport's business.
var ErrForeign = errors.New("the sender is not a member of the group")
