package udp

import "testing"

// TestCountsAreAdded: the counts of several workers add up, each in its place.
func TestCountsAreAdded(t *testing.T) {
	var c counters
	for i, n := range []uint64{countPackets: 1, countConnects: 2, countAnnounces: 3, countScrapes: 4, countRefused: 5,
		countStaleAnnounces: 6, countStaleScrapes: 7, countUnsent: 8, countDropped + count(DropMagic): 9} {
		c.recent[i] = n
	}
	c.tell()
	c.tell() // what was told is not told again
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
