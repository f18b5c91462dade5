package unicast

import (
	"crypto/rand"
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
func (l *link) probe() {
	var p [probeSize]byte
	copy(p[:], probeHead[:])
	t := l.table.Load()
	for _, h := range t.hosts {
		if !h.isHere.Load() {
			copy(p[len(probeHead):], h.token[:])
			_ = l.write(p[:], h.addr) // a failure shows when there is something to send
		}
	}
}

// takeProbe reports whether p is a probe, and takes note of one's own.
func (l *link) takeProbe(p []byte) bool {
	if len(p) != probeSize || [len(probeHead)]byte(p) != probeHead {
		return false
	}
	t := l.table.Load()
	if h := t.tokens[token(p[len(probeHead):])]; h != nil {
		at := time.Since(l.began)
		if first := !h.isOwn(at); first {
			l.rouse(false)
		}
		h.echoed.Store(max(int64(at), 1))
	}
	return true
}
