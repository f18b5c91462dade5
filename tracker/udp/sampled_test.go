package udp

import (
	"encoding/binary"
	"testing"

	"keeptrack/tracker"
	"keeptrack/tracker/bep15"
	"keeptrack/tracker/busiest"
)

// TestSampled: packets count by network whatever they are, and announces by client, if
// their source is not forged.
func TestSampled(t *testing.T) {
	all := busiest.New(testTime)
	h := newTestHandler(newTestTracker())
	h.sampler = all.Sketch().Sampler()
	client, forged := from("198.51.100.1:6881"), from("[2001:db8::1]:1")
	good := announceFrom(h, client, 1024)
	copy(good.PeerID[:], "-qB4650-abcdefghijkl")
	ask(h, client, good.Append(nil))
	ask(h, client, bep15.ConnectRequest{}.Append(nil))
	ask(h, forged, good.Append(nil))
	ask(h, forged, []byte("nonsense"))
	ask(h, forged, nil)
	r := all.Report(10)
	if r.Requests != 5 || r.Announces != 1 || len(r.Networks) != 2 || len(r.Clients) != 1 || string(r.Clients[0].Key[:]) != "-qB4650-" {
		t.Fatalf("got %+v", r)
	}
	if n := r.Networks; n[0].Key.Prefix().String() != "2001:db8::/64" || n[0].Requests != 3 || n[1].Key.Prefix().String() != "198.51.100.1/32" || n[1].Requests != 2 {
		t.Errorf("networks %+v", n)
	}
}

// BenchmarkSampled is announces of more clients than a summary holds, with the sampler
// off and on, after it has found its rate.
func BenchmarkSampled(b *testing.B) {
	const clients, torrents = 4096, 10_000
	h := newTestHandler(newTestTracker())
	buf := make([]byte, bep15.MaxReplySize)
	var sources [clients]source
	var announces [clients][]byte
	for i := range announces {
		sources[i] = source{mapped4([4]byte{198, 51, byte(i >> 8), byte(i)}), 6881}
		r := announceFrom(h, sources[i], 1024)
		binary.BigEndian.PutUint64(r.InfoHash[:], uint64(i%torrents)*0x9e3779b97f4a7c15)
		binary.BigEndian.PutUint64(r.PeerID[:], uint64(i))
		announces[i] = r.Append(nil)
		h.answer(sources[i], announces[i], buf)
	}
	for _, on := range []string{"off", "on"} {
		b.Run(on, func(b *testing.B) {
			h.sampler = busiest.Sampler{}
			if on == "on" {
				h.sampler = busiest.New(testTime).Sketch().Sampler()
				for i := range 8_000_000 {
					if h.sampler.Draw() {
						h.sampler.Note(tracker.Network(i), uint64(i), true)
					}
				}
			}
			for i := range 4 * clients { // until the caches are as they are in the long run
				h.answer(sources[i%clients], announces[i%clients], buf)
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				h.answer(sources[i%clients], announces[i%clients], buf)
				i++
			}
		})
	}
}
