package livesync

import (
	"crypto/rand"
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"keeptrack/livesync/transport"
	"keeptrack/livesync/wire"
)

// sealing lies between the node and its transport: it seals what is sent and
// opens what is received. A nil one stands for a group without a key.
type sealing struct {
	keys        atomic.Pointer[wire.Keys]
	acceptPlain bool
	replays     *replays
	opened      []byte // the last packet opened; the receiving goroutine's

	mu       sync.Mutex // guards what follows; held while a packet is sent
	sequence sequence
	sealed   []byte // the packet being sent
}

// newSealing returns nil without keys.
func newSealing(o *Options, maxPacket int) *sealing {
	if o.Keys == nil {
		return nil
	}
	s := &sealing{acceptPlain: o.AcceptPlain, replays: newReplays(o.ReplayFloors), opened: make([]byte, 0, maxPacket)}
	s.keys.Store(o.Keys)
	return s
}

// keyCount returns the number of keys in force.
func (s *sealing) keyCount() int {
	if s == nil {
		return 0
	}
	return s.keys.Load().Len()
}

// send sends p, sealed if there are keys.
func (s *sealing) send(t transport.Transport, to transport.Endpoint, p []byte) error {
	if s == nil {
		return t.Send(to, p)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var nonce [wire.NonceSize]byte
	rand.Read(nonce[8:]) // never fails
	binary.BigEndian.PutUint64(nonce[:], s.sequence.next(time.Now()))
	s.sealed = s.keys.Load().Seal(s.sealed[:0], p, &nonce)
	return t.Send(to, s.sealed)
}

// ahead returns a sequence above those of all packets that will publish what has
// been counted until now, given that each leaves within maxDelay. It is a minute
// or two more than that takes, so that it seldom changes.
func (s *sealing) ahead(now time.Time, maxDelay time.Duration) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	minute := uint64(time.Minute)
	t := max(stamp(now), s.sequence.last) // the clock may have been set back
	return t - t%minute + 2*minute + uint64(maxDelay)
}

// open returns the packet inside b if that is sealed and to be used, b itself
// if it is not sealed and need not be, or why it is dropped. What is returned
// is valid until the next call.
func (s *sealing) open(b []byte, now time.Time) ([]byte, Drop) {
	switch sealed := wire.Sealed(b); {
	case s == nil && sealed:
		return nil, DropNoKey
	case s == nil || !sealed && s.acceptPlain:
		return b, DropNone
	case !sealed:
		return nil, DropPlain
	}
	packet, sequence, err := s.keys.Load().Open(s.opened[:0], b)
	if err != nil {
		return nil, DropOf(err)
	}
	s.opened = packet
	return packet, s.replays.accept(wire.ID(packet), sequence, now)
}
