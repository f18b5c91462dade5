package exact

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"keeptrack/cmd/testenv"
	"keeptrack/tracker"
)

// TestBusyGroup has a thousand completions a second over three members. Without loss
// there is nothing to repair; with much of it the members are in step while that goes
// on.
func TestBusyGroup(t *testing.T) {
	for _, loss := range []float64{0, 0.2} {
		t.Run(fmt.Sprint(loss), func(t *testing.T) {
			w := newWorld(1, "")
			w.jitter, w.hold = 100*time.Millisecond, 100*time.Millisecond
			w.sizes, w.keepRecords = SizesFor(1420), 3*60*1000
			var torrents []tracker.InfoHash
			for i := range uint64(5000) {
				var h tracker.InfoHash
				binary.BigEndian.PutUint64(h[:], mix(i))
				torrents = append(torrents, h)
			}
			var ms []*member
			for _, name := range []string{"a", "b", "c"} {
				m := newMember(w, name, disk{})
				ms = append(ms, m)
				w.add(name, m)
			}
			w.run(w.now.Add(2 * interval))
			w.loss = loss
			clear(w.sent)
			minutes := testenv.Pick(4, 15)
			for s := range minutes * 60 {
				for range 50 {
					for range 20 {
						h := torrents[w.rng.IntN(len(torrents))]
						w.truth[h]++
						ms[w.rng.IntN(3)].table.complete(h, w.now)
					}
					w.run(w.now.Add(time.Second / 50))
				}
				if s >= 180 {
					busyInStep(t, w, ms)
				}
			}
			w.loss = 0
			w.run(w.now.Add(interval))
			for _, h := range torrents {
				for _, m := range ms {
					if m.total(h) != w.truth[h] {
						t.Fatalf("%s has %d of %d for %s", m.name, m.total(h), w.truth[h], h)
					}
				}
			}
			t.Log(w.sent, w.bytes)
			for _, kind := range []string{"*exact.AskDigests", "*exact.AskRecords", "*exact.AskParts"} {
				if loss == 0 && w.sent[kind] > 0 {
					t.Errorf("%d %s without loss", w.sent[kind], kind)
				}
			}
		})
	}
}

// busyInStep looks that each member has been like each other within three intervals.
func busyInStep(t *testing.T, w *world, ms []*member) {
	for _, m := range ms {
		for _, other := range ms {
			if mate := m.group.mates[other.group.ledger.Own()]; m != other && w.now.Sub(mate.partsLike) > 3*interval+time.Second {
				t.Fatalf("%s is not like %s since %v", m.name, other.name, w.now.Sub(mate.partsLike))
			}
		}
	}
}
