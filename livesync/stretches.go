package livesync

import (
	"time"

	"keeptrack/livesync/wire"
)

// Packets with peers can be lost, and say nothing about it: they are the original protocol's. So an
// instance tells from time to time how many it has sent since it last told, a stretch, and
// the sum of their hashes. A receiver that has others asks for the hashes, and then for
// those packets that it lacks.

// keptBytes bounds the packets that can be asked for again: half a minute of what an
// instance publishes that answers 20,000 announces a second.
const keptBytes = 16 << 20

// stretches are what this instance has published lately. This is pure code.
type stretches struct {
	open  stretch
	last  wire.LiveSum // of the last one that was closed
	idle  int          // how often nothing was published since
	kept  []*stretch   // closed, in order
	bytes int          // of kept
}

// newStretches returns stretches that are numbered on from the microseconds since 1970. The
// numbers of each start are so higher than those of the one before: others may know this
// instance under the same id, and pass over what they were told before.
func newStretches(start time.Time) stretches {
	return stretches{open: stretch{LiveSum: wire.LiveSum{Stretch: uint64(start.UnixMicro())}}}
}

// stretch is some packets, side by side in data.
type stretch struct {
	wire.LiveSum
	data   []byte
	ends   []int // of each packet in data
	hashes []uint32
	at     []time.Time // when each was sent
}

// add takes note of a packet that is sent.
func (s *stretches) add(packet []byte, now time.Time) {
	o := &s.open
	if len(o.ends) == wire.MaxStretch {
		return // it is gone if it is lost
	}
	h := wire.LiveHash(packet)
	o.Packets++
	o.Sum += h
	o.data, o.hashes, o.at = append(o.data, packet...), append(o.hashes, h), append(o.at, now)
	o.ends = append(o.ends, len(o.data))
}

// close ends the open stretch, unless it is empty, and forgets what was sent before a
// time or does not fit any more. It returns what is to be told, if anything is: while
// nothing is published, the last sum again, because it may have been lost.
func (s *stretches) close(before time.Time) (sum wire.LiveSum, tell bool) {
	for len(s.kept) > 0 && s.kept[0].at[len(s.kept[0].at)-1].Before(before) {
		s.forget()
	}
	if len(s.open.ends) == 0 {
		s.idle++
		return s.last, s.last.Stretch > 0 && (s.idle < sumRepeats || s.idle%sumsEach == 0)
	}
	done := s.open
	done.Stretch++
	s.open = stretch{LiveSum: wire.LiveSum{Stretch: done.Stretch}}
	s.kept = append(s.kept, &done)
	for s.bytes += len(done.data); s.bytes > keptBytes && len(s.kept) > 1; {
		s.forget()
	}
	s.last, s.idle = done.LiveSum, 0
	return s.last, true
}

// sumRepeats is how often the last sum is told soon after each other; after that it is once
// in a beacon interval.
const sumRepeats = 5

func (s *stretches) forget() {
	s.bytes -= len(s.kept[0].data)
	s.kept[0] = nil
	s.kept = s.kept[1:]
}

// find returns a stretch, or nil if it is not kept.
func (s *stretches) find(number uint64) *stretch {
	for _, k := range s.kept {
		if k.Stretch == number {
			return k
		}
	}
	return nil
}

// packet returns packet i of the stretch and when it was sent, or nil.
func (s *stretch) packet(i int) ([]byte, time.Time) {
	if i >= len(s.ends) {
		return nil, time.Time{}
	}
	begin := 0
	if i > 0 {
		begin = s.ends[i-1]
	}
	return s.data[begin:s.ends[i]], s.at[i]
}
