package udp

import (
	"net/netip"
	"strings"
	"testing"

	"keeptrack/tracker"
	"keeptrack/tracker/bep15"
	"keeptrack/tracker/trace"
)

// TestReport: each packet is told of with its outcome, while somebody traces.
func TestReport(t *testing.T) {
	var traces trace.Traces
	h := newTestHandler(newTestTracker())
	h.traces = &traces
	client := from("198.51.100.1:6881")
	good := announceFrom(h, client, 1024)
	copy(good.PeerID[:], "-qB4650-abcdefghijkl")
	with := func(change func(*bep15.AnnounceRequest)) []byte {
		r := good
		change(&r)
		return r.Append(nil)
	}
	refused := tracker.InfoHash{7}
	h.tracker.SetAccess(&tracker.Access{Mode: tracker.AccessDeny, List: tracker.NewHashSet([]tracker.InfoHash{refused})})
	send := func(from source, packet []byte) {
		h.answerBatch(testTime, []datagram{{from: from, packet: packet, room: make([]byte, bep15.MaxReplySize)}})
	}
	send(client, good.Append(nil)) // nobody knows
	tr, err := traces.Begin(trace.Filter{Client: netip.MustParsePrefix("198.51.100.0/24")})
	if err != nil {
		t.Fatal(err)
	}
	ofTorrent, err := traces.Begin(trace.Filter{Hash: &good.InfoHash})
	if err != nil {
		t.Fatal(err)
	}
	stale := func(r *bep15.AnnounceRequest) { r.ConnectionID++ }
	for i, c := range []struct {
		from   source
		packet []byte
		want   string
	}{
		{client, bep15.ConnectRequest{}.Append(nil), "connect answered "},
		{client, with(func(r *bep15.AnnounceRequest) { r.Event = 3 }), "announce stopped "},
		{client, good.Append(nil), "announce stored "},
		{client, with(func(r *bep15.AnnounceRequest) { r.Port = 0 }), "announce not_stored port_zero"},
		{client, with(func(r *bep15.AnnounceRequest) { r.InfoHash = refused }), "announce refused access_list"},
		{client, with(stale), "announce failed connection_id"},
		{client, with(stale)[:97], "announce malformed short_announce"},
		{client, bep15.ScrapeRequest{ConnectionID: good.ConnectionID, InfoHashes: good.InfoHash[:]}.Append(nil), "scrape answered "},
		{client, make([]byte, 16), "connect malformed magic"},
		{client, []byte("nonsense that is long enough"), "other malformed action"},
		{client, nil, ""}, // no datagram
		{source{client.addr, 0}, good.Append(nil), "announce malformed source_port"},
	} {
		send(c.from, c.packet)
		if c.packet == nil {
			continue
		}
		select {
		case e := <-tr.Events():
			if got := e.Action + " " + string(e.Outcome) + " " + e.Reason; got != c.want || e.Transport != "udp" || !strings.HasPrefix(e.Client, "198.51.100.1:") {
				t.Errorf("%d: %q, %+v, want %q", i, got, e, c.want)
			}
			if a := e.Announce; a != nil && a.PeerID != "-qB4650-abcdefghijkl" {
				t.Errorf("%d: peer id %q", i, a.PeerID)
			}
		default:
			t.Errorf("%d: no event", i)
		}
	}
	send(from("192.0.2.9:1"), good.Append(nil)) // which is dropped: its connection id is another client's
	if n, m := len(tr.Events()), len(ofTorrent.Events()); n != 0 || m != 7 {
		t.Errorf("%d events of another client, %d of the torrent", n, m)
	}
}

// BenchmarkTraced answers batches while nobody traces, and while somebody traces another
// client.
func BenchmarkTraced(b *testing.B) {
	for _, name := range []string{"nobody", "another"} {
		b.Run(name, func(b *testing.B) {
			var traces trace.Traces
			h := newTestHandler(newTestTracker())
			h.traces = &traces
			if name == "another" {
				if _, err := traces.Begin(trace.Filter{Client: netip.MustParsePrefix("192.0.2.1/32")}); err != nil {
					b.Fatal(err)
				}
			}
			batch := make([]datagram, batchSize)
			for i := range batch {
				at := source{mapped4([4]byte{198, 51, 100, byte(i)}), 6881}
				batch[i] = datagram{from: at, packet: announceFrom(h, at, 1024).Append(nil), room: make([]byte, bep15.MaxReplySize)}
			}
			b.ReportAllocs()
			for b.Loop() {
				h.answerBatch(testTime, batch)
			}
		})
	}
}
