package livesync

import (
	"time"

	"keeptrack/livesync/transport"
	"keeptrack/livesync/wire"
)

const (
	// resendAfter is the least time between two sendings of a packet: in it, what has
	// arrived is said at least once.
	resendAfter = 150 * time.Millisecond
	// repeatAfter is how long after its sending the newest packet is sent again when
	// nothing else can be: it shows the receiver what is missing.
	repeatAfter = 300 * time.Millisecond
	// firstWindow is how many packets may be underway before the asker has said what has
	// arrived: without a key anybody can ask in another's name.
	firstWindow = 256
	// askerSilence is how long after it last said what has arrived an asker counts as
	// gone.
	askerSilence = 3 * time.Second
)

// sent is a packet of a stream of peers. It is sent again until it is known to have
// arrived.
type sent struct {
	packet []byte
	last   bool      // of the stream
	looked time.Time // the ages are as of then
	ripe   time.Time // it may not be sent before
	at     time.Time // when it was last sent
	again  bool      // it is to be sent again
}

// outgoing is a stream of peers to an instance that asked. This is pure code: which
// packet goes when. What is in them is packing's.
type outgoing struct {
	to     wire.ID
	where  transport.Endpoint
	stream uint32
	began  time.Time
	heard  time.Time // when the asker was last heard
	there  bool      // it has said what has arrived

	queue  []*sent // not sent yet, in order
	whole  bool    // the last packet is in queue, or was
	base   uint32  // all packets with numbers below have arrived
	end    uint32  // the number of the next that is not sent yet
	flight [streamWindow]*sent
	lost   []uint32 // numbers of those to be sent again

	packing *packing // nil before the first packet
	dropped bool     // the asker has begun another stream
	resent  uint64
}

// have takes in that the packets with numbers below end have arrived, but for those
// missing.
func (o *outgoing) have(end uint32, missing []uint32, now time.Time) {
	if end > o.end {
		return // those were never sent
	}
	o.heard, o.there = now, true
	for n := o.base; n < end; n++ {
		for len(missing) > 0 && missing[0] < n { // said late: it has arrived since
			missing = missing[1:]
		}
		if len(missing) > 0 && missing[0] == n {
			missing = missing[1:]
			o.loses(n, now)
			continue
		}
		o.flight[n%streamWindow] = nil
	}
	for o.base < o.end && o.flight[o.base%streamWindow] == nil {
		o.base++
	}
}

// loses has a packet sent again, unless it may still be on its way.
func (o *outgoing) loses(n uint32, now time.Time) {
	if s := o.flight[n%streamWindow]; s != nil && !s.again && now.Sub(s.at) >= resendAfter {
		s.again = true
		o.lost = append(o.lost, n)
	}
}

// next returns the packet to send at now, as sent then, or when to come back.
func (o *outgoing) next(now time.Time) (s *sent, wait time.Time) {
	for len(o.lost) > 0 {
		n := o.lost[0]
		o.lost = o.lost[1:]
		if s := o.flight[n%streamWindow]; s != nil && s.again {
			return o.resend(s, now), time.Time{}
		}
	}
	if len(o.queue) > 0 && o.end-o.base < o.window() {
		s := o.queue[0]
		if now.Before(s.ripe) {
			return nil, s.ripe
		}
		o.queue = o.queue[1:]
		o.flight[o.end%streamWindow] = s
		o.end++
		s.at = now
		return s, time.Time{}
	}
	if o.base == o.end {
		return nil, o.gone()
	}
	newest := o.flight[(o.end-1)%streamWindow]
	if newest == nil {
		newest = o.flight[o.base%streamWindow]
	}
	if now.Sub(newest.at) < repeatAfter {
		return nil, newest.at.Add(repeatAfter)
	}
	return o.resend(newest, now), time.Time{}
}

// window returns how many packets may be underway.
func (o *outgoing) window() uint32 {
	if o.there {
		return streamWindow
	}
	return firstWindow
}

func (o *outgoing) resend(s *sent, now time.Time) *sent {
	s.again, s.at = false, now
	o.resent++
	return s
}

// over reports whether all packets have arrived.
func (o *outgoing) over() bool { return o.whole && len(o.queue) == 0 && o.base == o.end }

// gone returns when the asker counts as gone, unless it is heard.
func (o *outgoing) gone() time.Time { return o.heard.Add(askerSilence) }
