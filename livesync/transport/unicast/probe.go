package unicast

import (
	"crypto/rand"
	"encoding/binary"
	"slices"
	"time"
)

// token is what a probe is known by.
type token [16]byte

func newToken() (t token) {
	_, _ = rand.Read(t[:]) // never fails
	return t
}

// probeHead is what a probe begins with, before its token: where other packets have
// their sender's id it has zero, which no instance is called by.
var probeHead = [8]byte{6: 2}

const probeSize = len(probeHead) + len(token{})

// echoHolds is how long an address counts as this instance's after a probe to it has
// come back here. That is longer than three probes take that may be lost.
const echoHolds = 4 * lookEvery

// probe sends a packet to each address that is not this host's. One that comes back
// tells that the address leads here all the same: through a translation of addresses,
// of which this host does not know. Others pass over it.
//
// Probes are not sealed. So that somebody who reads them cannot pass another instance off as
// this one by sending one back later, each has a token of its own, only the last two
// count, and only from where they went; and not while anything else comes from there.
func (l *link) probe() {
	var p [probeSize]byte
	copy(p[:], probeHead[:])
	t := l.table.Load()
	for _, h := range t.hosts {
		if !h.isHere.Load() {
			drawn := newToken()
			h.tokens.Store(&[2]token{drawn, h.tokens.Load()[0]})
			copy(p[len(probeHead):], drawn[:])
			_ = l.write(p[:], h.addr) // a failure shows when there is something to send
		}
	}
}

// isProbe reports whether p is a probe of any instance.
func isProbe(p []byte) bool {
	return len(p) == probeSize && [len(probeHead)]byte(p) == probeHead
}

// takeProbe takes note of a probe that came from a host.
func (l *link) takeProbe(p []byte, h *host, at time.Duration) {
	switch {
	case !slices.Contains(h.tokens.Load()[:], token(p[len(probeHead):])):
		l.meet(h, at)
	case !within(&h.met, at, l.options.Silence):
		if !h.isOwn(at) {
			l.options.Log.Info().Stringer("address", h.addr).Msg("the address of a live sync peer leads back to this instance")
			l.rouse(false)
		}
		h.echoed.Store(max(int64(at), 1))
	}
}

// meet takes note of something from a host that another instance has sent.
func (l *link) meet(h *host, at time.Duration) {
	h.met.Store(max(int64(at), 1))
	if h.echoed.Load() != 0 {
		h.echoed.Store(0)
		l.options.Log.Warn().Stringer("address", h.addr).
			Msg("another instance sends from the address of a live sync peer that seemed to lead back to this one")
		l.rouse(false)
	}
}

// idSize is the length of the id that packets begin with, their sender's.
const idSize = 4

// sign takes note of the id in a packet that is sent.
func (l *link) sign(p []byte) {
	if len(p) >= idSize {
		if id := binary.BigEndian.Uint32(p); l.id.Load() != id {
			l.id.Store(id)
		}
	}
}

// isSigned reports whether p is one's own packet that has come back.
func (l *link) isSigned(p []byte) bool {
	return len(p) >= idSize && binary.BigEndian.Uint32(p) == l.id.Load()
}
