package livesync

import (
	"bytes"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/livesync/wire"
	"keeptrack/tracker"
)

// TestCountsBeyondBelief sends counts around what is believed, of a torrent that
// is known and of one that is not.
func TestCountsBeyondBelief(t *testing.T) {
	keys := keysOf(t, 1)
	with := func(k *wire.Keys, plain bool) Options {
		o := defaults()
		o.Keys, o.AcceptPlain = k, plain
		return o
	}
	for _, tt := range []struct {
		name    string
		options Options
		sealed  bool
		most    uint64
	}{
		{"without a key", with(nil, false), false, 1 << 36},
		{"plain to one with a key", with(keys, true), false, 1 << 36},
		{"sealed", with(keys, false), true, 1 << 40},
		{"sealed to one that accepts plain", with(keys, true), true, 1 << 40},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := quietNode(t, tt.options)
			var log bytes.Buffer
			i.options.Log = zerolog.New(&log)
			now := time.Now()
			known := tracker.InfoHash{1}
			i.tracker.Load(i.tracker.Instant(now), tracker.Record{InfoHash: known, LastAnnounce: uint32(minuteOf(now)), Downloaded: 7})
			refused := uint64(0)
			for n, count := range []uint64{tt.most + 1, 1<<63 - 1, 1 << 63, 1<<64 - 1, tt.most} {
				p := wire.AppendHeader(nil, wire.ID{9}, wire.KindTell)
				p = wire.AppendTell(p, wire.TellRecord{InfoHash: known, Downloaded: count})
				p = wire.AppendTell(p, wire.TellRecord{InfoHash: tracker.InfoHash{2, byte(n)}, Downloaded: count})
				p = wire.AppendTell(p, wire.TellRecord{InfoHash: tracker.InfoHash{3}, Downloaded: 5})
				if tt.sealed {
					p = sealAt(keys, p, now.Add(time.Duration(n)))
				}
				i.receive(p, node, now)
				want := uint64(7)
				if count <= tt.most {
					want = count
				} else {
					refused += 2
				}
				held := i.records()
				if got := held[known].Downloaded; got != want {
					t.Errorf("told %d: holds %d, want %d", count, got, want)
				}
				if r, ok := held[tracker.InfoHash{2, byte(n)}]; ok != (count <= tt.most) || ok && r.Downloaded != count {
					t.Errorf("told %d of an unknown torrent: %+v, %t", count, r, ok)
				}
				if got := held[tracker.InfoHash{3}].Downloaded; got != 5 {
					t.Errorf("the record beside one with %d: %d", count, got)
				}
			}
			if got := i.Stats().Drops[DropBadCount]; got != refused {
				t.Errorf("%d refused, want %d", got, refused)
			}
			if lines := bytes.Count(log.Bytes(), []byte("nobody has that many downloads")); lines != 1 {
				t.Errorf("said %d times:\n%s", lines, &log)
			}
		})
	}
}
