package livesync

import (
	"encoding/binary"
	"testing"
	"time"

	"keeptrack/livesync/wire"
)

// TestCandidatesAreBounded makes up instances, each of which claims more than
// all before it, at two paces. One that beacons every interval is not forgotten
// at the slower one, and memory is bounded at both.
func TestCandidatesAreBounded(t *testing.T) {
	for _, tt := range []struct {
		name string
		pace time.Duration
		stay bool
	}{
		{"as many in an interval as are remembered", testInterval / (maxCandidates - 2), true},
		{"far more", testInterval / (10 * maxCandidates), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			start := time.Unix(1_700_000_000, 0)
			var c candidates
			made := uint64(0)
			for now := start; now.Before(start.Add(5 * testInterval)); now = now.Add(tt.pace) {
				made++
				e := beaconOf(0, 1000+made, 0)
				binary.BigEndian.PutUint32(e.from[:], uint32(made))
				c.heard(e, true, now, testInterval)
				if made%uint64(testInterval/tt.pace) == 1 {
					c.heard(beaconOf('a', 100, 0), true, now, testInterval)
				}
			}
			now := start.Add(5 * testInterval)
			if len(c.list) != maxCandidates || cap(c.list) > 2*maxCandidates {
				t.Errorf("%d are remembered, in room for %d", len(c.list), cap(c.list))
			}
			k := c.choose(now.Add(-2*testInterval), now, true)
			if tt.stay && (k == nil || k.id != wire.ID{'a'}) {
				t.Errorf("known longest: %+v", k)
			}
			if k := c.choose(now.Add(-2*testInterval), now, false); k == nil || k.torrents != 1000+made {
				t.Errorf("most torrents: %+v", k)
			}
		})
	}
}

// TestWhoMakesRoom fills the list with all kinds.
func TestWhoMakesRoom(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	at := func(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }
	now := at(100)
	c := candidates{list: []candidate{
		{id: wire.ID{'p'}, known: at(1), proven: true},
		{id: wire.ID{'q'}, known: at(2), proven: true},
		{id: wire.ID{'u'}, known: at(3)},
		{id: wire.ID{'v'}, known: at(4)},
		{id: wire.ID{'r'}, known: at(0), proven: true, out: at(101)},
		{id: wire.ID{'s'}, known: at(0), proven: true, out: at(99)},
	}}
	for _, want := range []byte{'r', 'u', 'v', 'q', 'p', 's'} {
		first := 0
		for i := range c.list {
			if c.list[i].goesBefore(&c.list[first], now) {
				first = i
			}
		}
		if got := c.list[first].id[0]; got != want {
			t.Fatalf("%c makes room, want %c", got, want)
		}
		c.list = append(c.list[:first], c.list[first+1:]...)
	}
}

// TestWhoIsAsked has two instances to choose from, in either order.
func TestWhoIsAsked(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	at := func(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }
	for _, c := range []struct {
		name        string
		asked, left candidate
		longest     bool
	}{
		{"more torrents", candidate{torrents: 2, heard: at(2)}, candidate{torrents: 1, heard: at(1)}, false},
		{"as many torrents, heard earlier", candidate{torrents: 2, heard: at(1)}, candidate{torrents: 2, heard: at(2)}, false},
		{"proven, though known shorter", candidate{proven: true, known: at(2)}, candidate{torrents: 9, known: at(1)}, true},
		{"both proven, known longer", candidate{proven: true, known: at(1)}, candidate{proven: true, torrents: 9, known: at(2)}, true},
		{"neither proven, known longer", candidate{known: at(1)}, candidate{torrents: 9, known: at(2)}, true},
	} {
		c.asked.id, c.asked.ahead, c.left.ahead = wire.ID{'a'}, true, true
		for _, list := range [][]candidate{{c.asked, c.left}, {c.left, c.asked}} {
			all := candidates{list: list}
			if k := all.choose(time.Time{}, at(100), c.longest); k == nil || k.id != c.asked.id {
				t.Errorf("%s: %+v is asked", c.name, k)
			}
		}
	}
}
