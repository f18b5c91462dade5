package http

import (
	"net"
	"runtime"
	"slices"
	"testing"
	"time"

	"keeptrack/cmd/testenv"
	"keeptrack/tracker"
)

// sink is a connection that takes everything and counts it.
type sink struct {
	net.Conn
	n int64
}

func (s *sink) Write(p []byte) (int, error) {
	s.n += int64(len(p))
	return len(p), nil
}

func (*sink) SetWriteDeadline(time.Time) error { return nil }

// BenchmarkFullScrape reports how long the slowest of the announces took that
// went on meanwhile, and how much memory was in use at most beyond that of the
// torrents.
func BenchmarkFullScrape(b *testing.B) {
	tr := filledTracker(testenv.Pick(10_000, 1_000_000))
	h := newHandler(Options{FullScrape: true}, tr)
	for e, name := range []string{"plain", "gzip", "zstd"} {
		b.Run(name, func(b *testing.B) {
			runtime.GC()
			before := heapInUse()
			var out sink
			var slowest []time.Duration
			var most uint64
			for b.Loop() {
				out.n = 0
				done := make(chan error)
				go func() { done <- h.stream(&out, nil, fullScrape{encoding: encoding(e)}, time.Hour) }()
				for err, ended := error(nil), false; !ended; {
					select {
					case err = <-done:
						if ended = true; err != nil {
							b.Fatal(err)
						}
					case <-time.After(100 * time.Microsecond):
						slowest = append(slowest, announceTime(h))
						if len(slowest)%64 == 0 {
							most = max(most, heapInUse())
						}
					}
				}
			}
			slices.Sort(slowest)
			b.ReportMetric(float64(out.n), "bytes")
			if n := len(slowest); n > 0 {
				b.ReportMetric(float64(slowest[n-1].Microseconds()), "µs-announce-max")
				b.ReportMetric(float64(slowest[n*999/1000].Microseconds()), "µs-announce-p99.9")
			}
			b.ReportMetric(float64(most-min(most, before))/(1<<20), "MiB-more")
		})
	}
}

func heapInUse() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

var announceHash byte

// announceTime returns how long an announce in some shard takes.
func announceTime(h *handler) time.Duration {
	announceHash++
	began := time.Now()
	var reply tracker.Reply
	h.tracker.Announce(h.tracker.Instant(began), &tracker.Announce{InfoHash: tracker.InfoHash{announceHash}, Peer: tracker.MakePeer(addr1, 1)}, &reply)
	return time.Since(began)
}
