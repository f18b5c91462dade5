package livesync

import (
	"encoding/binary"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"keeptrack/livesync/transport"
	"keeptrack/livesync/wire"
	"keeptrack/livesync/wire/wiretest"
)

func TestInstancesKeepTheLastHeard(t *testing.T) {
	table := instances{known: make(map[wire.ID]*Instance)}
	start := time.Unix(1_700_000_000, 0)
	hear := func(n uint32, after time.Duration) {
		var id wire.ID
		binary.BigEndian.PutUint32(id[:], n)
		p, _ := wire.Parse(wire.AppendBeacon(nil, id, 7))
		table.heard(p, node, start.Add(after))
	}
	for n := range uint32(maxInstances) {
		hear(n, time.Duration(n)*time.Second)
	}
	hear(0, time.Hour)
	hear(maxInstances, time.Hour+time.Second)
	list := table.list()
	if len(list) != maxInstances {
		t.Fatalf("%d instances", len(list))
	}
	if first, second := list[0], list[1]; first.ID != (wire.ID{}) || second.ID != (wire.ID{0, 0, 0, 2}) {
		t.Errorf("%s and %s come first: the one heard longest ago was not forgotten", first.ID, second.ID)
	}
	if known, forgotten := table.endpoint(wire.ID{}), table.endpoint(wire.ID{0, 0, 0, 1}); known != node || forgotten != transport.All {
		t.Errorf("the one known is reached at %s, the one forgotten at %s", known, forgotten)
	}
}

// TestInstanceJSON: the number of torrents is missing until a beacon says it.
func TestInstanceJSON(t *testing.T) {
	table := instances{known: make(map[wire.ID]*Instance)}
	p, _ := wire.Parse(wiretest.Packet(t, "live_two"))
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	table.heard(p, transport.At(netip.MustParseAddrPort("10.0.0.1:9696")), now)
	got, err := json.Marshal(table.list())
	want := `[{"id":"deadbeef","source":"10.0.0.1:9696","last_seen":"2026-01-02T03:04:05Z","received":{"live":{"packets":1,"records":2}}}]`
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
	p, _ = wire.Parse(wire.AppendBeacon(nil, p.From, 0))
	table.heard(p, transport.At(netip.MustParseAddrPort("10.0.0.1:9696")), now)
	got, err = json.Marshal(table.list())
	if want := `"torrents":0,"last_beacon":"2026-01-02T03:04:05Z"`; err != nil || !strings.Contains(string(got), want) {
		t.Errorf("%v\n%s\nwant %s", err, got, want)
	}
}
