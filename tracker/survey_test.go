package tracker

import "testing"

// TestSurveyTakesEachLargeSwarmOnce, where there are fewer than it looks for.
func TestSurveyTakesEachLargeSwarmOnce(t *testing.T) {
	const torrents, peers = sampledSwarms - 1, 2 * maxClassRoom
	b := newRig(t, func(o *Options) { o.MaxMemory = 1 << 30 })
	hashes := b.hashesIn(3, torrents)
	for i, h := range hashes {
		for p := range peers {
			b.leech(h, peer4(i*peers+p))
		}
	}
	all := &survey{tally: b.budget.held}
	if n := sampleLarge(&b.shards[3].arena4, all); n != torrents || len(all.holdings) != torrents*sampledPeers {
		t.Errorf("%d swarms looked at and %d peers, want %d and %d", n, len(all.holdings), torrents, torrents*sampledPeers)
	}
}
