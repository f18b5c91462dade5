package udp

import "testing"

// TestCountsAreAdded: the counts of several workers add up, each in its place.
func TestCountsAreAdded(t *testing.T) {
	var c counters
	c.packets.Store(1)
	c.connects.Store(2)
	c.announces.Store(3)
	c.scrapes.Store(4)
	c.refused.Store(5)
	c.staleAnnounces.Store(6)
	c.staleScrapes.Store(7)
	c.unsent.Store(8)
	c.dropped[DropMagic].Store(9)
	var got FamilyStats
	for range 2 {
		c.addTo(&got)
	}
	want := FamilyStats{
		Packets: 2, Connects: 4, Announces: 6, Scrapes: 8, Refused: 10,
		StaleAnnounces: 12, StaleScrapes: 14, Unsent: 16, Dropped: [DropCount]uint64{DropMagic: 18},
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
