package udp

import (
	"encoding/binary"
	"testing"
	"time"

	"keeptrack/tracker"
	"keeptrack/tracker/bep15"
	"keeptrack/tracker/bep15/bep15test"
)

// FuzzAnswer sends any datagram, as it is or with the connection id that its
// sender has. Whoever has no id gets no more bytes than were sent.
func FuzzAnswer(f *testing.F) {
	for _, p := range bep15test.Goldens(f) {
		f.Add(p, false, uint16(6881))
		f.Add(p, true, uint16(6881))
	}
	f.Add([]byte{}, false, uint16(0))
	h := newTestHandler(tracker.New(tracker.Options{
		AnnounceInterval: 30 * time.Minute, PeerTimeout: 45 * time.Minute,
		MaxTorrents: 1000, MaxNumWant: 200, AllowPrivate: true,
	}, testTime))
	buf := make([]byte, bep15.MaxReplySize)
	f.Fuzz(func(t *testing.T, packet []byte, known bool, port uint16) {
		client := from("192.0.2.1:0")
		client.port = port
		if len(packet) >= 8 {
			id := h.ids.id(client.addr, h.slot)
			if known {
				binary.BigEndian.PutUint64(packet, id)
			}
			known = binary.BigEndian.Uint64(packet) == id
		}
		reply := h.answer(client, packet, buf)
		if len(reply) > len(packet) && !known {
			t.Errorf("%d bytes in answer to %d of a stranger: %x", len(reply), len(packet), packet)
		}
		if len(reply) == 0 {
			return
		}
		asked, err := bep15.ParseRequestHeader(packet)
		got, replyErr := bep15.ParseReplyHeader(reply)
		if err != nil || replyErr != nil || got.TransactionID != asked.TransactionID {
			t.Errorf("%x answers %x", reply, packet)
		}
	})
}
