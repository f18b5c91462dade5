package udp

import (
	"testing"
	"time"

	"keeptrack/tracker"
	"keeptrack/tracker/bep15"
	"keeptrack/tracker/bep15/bep15test"
)

// batchOf returns a batch of packets, all from the client.
func batchOf(client source, packets ...[]byte) []datagram {
	batch := make([]datagram, len(packets))
	for i, p := range packets {
		batch[i] = datagram{from: client, packet: p, room: make([]byte, bep15.MaxReplySize)}
	}
	return batch
}

// TestHandlerLooksAhead holds that the announces of a batch are found, and nothing
// else.
func TestHandlerLooksAhead(t *testing.T) {
	h := newTestHandler(newTestTracker())
	client := from("[2001:db8::1]:1234")
	first, second := announceFrom(h, client, 1).Append(nil), announceFrom(h, client, 2)
	second.InfoHash[0]++
	goldens := bep15test.Goldens(t)
	h.answerBatch(testTime, batchOf(client, goldens["connect_request"], first, nil, first[:97], goldens["scrape_request"], second.Append(nil)))
	want := []tracker.InfoHash{bep15test.InfoHash, second.InfoHash}
	for i, hash := range want {
		if a := &h.ahead[i]; a.InfoHash == nil || *a.InfoHash != hash || a.Peer != client.peer(uint16(1+i)) {
			t.Errorf("announce %d: %+v", i, a)
		}
	}
	if h.ahead[len(want)].InfoHash != nil {
		t.Errorf("found as well: %+v", h.ahead[len(want)])
	}
}

// TestHandlerAnswersBatches holds that a reply does not outlive its batch, and that a
// batch has its own time.
func TestHandlerAnswersBatches(t *testing.T) {
	h := newTestHandler(newTestTracker())
	client := from("192.0.2.1:1234")
	batch := batchOf(client, announceFrom(h, client, 1).Append(nil), announceFrom(h, client, 2).Append(nil))
	h.answerBatch(testTime, batch)
	for i, d := range batch {
		r, err := bep15.ParseAnnounceReply(d.reply, tracker.IPv4)
		if err != nil || r.Leechers != uint32(1+i) || &d.reply[0] != &d.room[0] {
			t.Errorf("reply %d is %+v, %v", i, r, err)
		}
	}
	batch[0].packet, batch[1].packet = nil, []byte("too short")
	h.answerBatch(testTime, batch)
	if len(batch[0].reply)+len(batch[1].reply) != 0 {
		t.Errorf("replies of the batch before: %x", batch)
	}
	batch[0].packet = announceFrom(h, client, 1).Append(nil)
	h.answerBatch(testTime.Add(time.Hour), batch)
	if r, err := bep15.ParseErrorReply(batch[0].reply); err != nil {
		t.Errorf("an old connection id gets %+v, %v", r, err)
	}
}
