package udp

import (
	"time"

	"keeptrack/tracker"
	"keeptrack/tracker/bep15"
)

// batchSize is the most datagrams that a socket receives, and has answered, at once.
const batchSize = 64

// datagram is one of a batch that a socket has received, and the reply to it. The
// memory is the socket's.
type datagram struct {
	from   source
	packet []byte // nil: there is none at this place of the batch
	room   []byte // for the reply: bep15.MaxReplySize bytes
	reply  []byte // a part of room, empty: there is none
}

// answerBatch handles the datagrams that were received together before now, at
// most batchSize, and sets the reply to each.
func (h *handler) answerBatch(now time.Time, batch []datagram) {
	h.begin(now)
	if len(batch) > 1 {
		h.lookAhead(batch)
	}
	for i := range batch {
		d := &batch[i]
		d.reply = nil
		if d.packet != nil {
			d.reply = h.answer(d.from, d.packet, d.room)
			if h.tracing != nil {
				h.report(now, d)
			}
		}
	}
	h.count.tell()
}

// lookAhead has the memory fetched that the announces of a batch need. Whether they
// will be refused is not looked at.
func (h *handler) lookAhead(batch []datagram) {
	announces := h.ahead[:0]
	for i := range batch {
		d := &batch[i]
		if hash, port, ok := bep15.PeekAnnounce(d.packet); ok {
			announces = append(announces, tracker.Ahead{InfoHash: hash, Peer: d.from.peer(port)})
		}
	}
	h.tracker.Prefetch(announces)
}
