package livesync

import (
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"keeptrack/livesync/transport"
	"keeptrack/livesync/wire"
	"keeptrack/tracker"
)

// TestForgedPacketsDoNotKeepAnInstanceEmpty has somebody forge packets without
// end while an empty instance joins one that has all torrents.
func TestForgedPacketsDoNotKeepAnInstanceEmpty(t *testing.T) {
	id := func(n int) (id wire.ID) {
		binary.BigEndian.PutUint32(id[:], uint32(n)|1<<31)
		return id
	}
	huge := func(from wire.ID, n int) []byte { return wire.AppendBeacon(nil, from, 1<<62+uint64(n)) }
	tell := func(from wire.ID) []byte {
		return wire.AppendTell(wire.AppendHeader(nil, from, wire.KindTell), wire.TellRecord{Downloaded: 1})
	}
	for _, tt := range []struct {
		name  string
		every time.Duration
		forge func(n int, full wire.ID) [][]byte
		// most is how many intervals after its first beacon the full instance
		// may take to be asked and to tell.
		most int
	}{
		{"nothing", time.Second, func(int, wire.ID) [][]byte { return nil }, 5},
		{"beacons of one that claims most", time.Second, func(n int, _ wire.ID) [][]byte { return [][]byte{huge(id(0), n)} }, 15},
		{"beacons of one that claims most and answers with a line", 20 * time.Second, func(n int, _ wire.ID) [][]byte {
			if n%3 == 0 {
				return [][]byte{huge(id(0), n)}
			}
			return [][]byte{tell(id(0))}
		}, maxHush + deafFor},
		{"beacons of another every second", time.Second, func(n int, _ wire.ID) [][]byte { return [][]byte{huge(id(n), n)} }, 20},
		{"tells", time.Second, func(n int, _ wire.ID) [][]byte { return [][]byte{tell(id(n))} }, maxHush + deafFor},
		{"inquiries", time.Second, func(_ int, full wire.ID) [][]byte { return [][]byte{wire.AppendInquire(nil, id(0), full)} }, 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(1, lan)
				all := testRecords(1_000)
				full, empty := start(t, n, defaults(), all...).settled(), start(t, n, defaults())
				attacker := n.Join()
				interval := defaults().BeaconInterval
				limit := time.Now().Add(defaults().FirstBeaconDelay + time.Duration(tt.most)*interval)
				for sent := 0; time.Now().Before(limit); sent++ {
					for _, p := range tt.forge(sent, full.ID()) {
						if err := attacker.Send(transport.All, p); err != nil {
							t.Fatal(err)
						}
					}
					time.Sleep(tt.every)
				}
				synctest.Wait()
				held := empty.records()
				delete(held, tracker.InfoHash{}) // the forged one
				if len(held) != len(all) {
					t.Errorf("%d torrents, want %d; %+v", len(held), len(all), empty.Cluster().Wanting)
				}
				stopAll(t, full, empty)
				attacker.Close()
			})
		})
	}
}
