package main

import (
	"testing"
	"time"

	"keeptrack/cmd/internal/bench"
)

// TestAttackMix sends honest announces amid ten times as many datagrams of
// nonsense. How fast and how many more it withstands, docs/security.md tells.
func TestAttackMix(t *testing.T) {
	d := start(t, testSettings(t.TempDir()))
	o := bench.DefaultOptions()
	o.URL, o.Mix, o.OldIDs = "udp://"+d.udp4, bench.Mix{bench.Announce: 1}, 0
	o.Rate, o.Attack, o.Duration, o.Timeout = 1000, 10_000, 2*time.Second, 5*time.Second
	b, err := bench.New(o)
	if err != nil {
		t.Fatal(err)
	}
	r, err := b.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// What a busy system loses before the daemon gets it says nothing of the
	// daemon.
	drops := uint64(d.metric(`keeptrack_kernel_receive_drops_total{socket="udp"}`))
	if r.Good+drops < r.Sent || r.Good == 0 || r.Errors+r.Wrong > 0 {
		t.Errorf("%d of %d answered, %d errors, %d wrong, %d dropped by the system", r.Good, r.Sent, r.Errors, r.Wrong, drops)
	}
	if a := r.Attack; a.Sent == 0 || a.Answers == 0 || a.AnswerBytes > a.SentBytes {
		t.Errorf("the attack got %d bytes in %d answers for %d bytes in %d datagrams", a.AnswerBytes, a.Answers, a.SentBytes, a.Sent)
	}
	if n := d.metric("keeptrack_torrents"); n > float64(o.Torrents) {
		t.Errorf("%g torrents, the honest have %d", n, o.Torrents)
	}
	d.stop()
}
