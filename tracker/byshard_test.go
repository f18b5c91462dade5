package tracker

import (
	"maps"
	"slices"
	"testing"
)

// TestByShardTakesEachItemOnce: in its shard, in the order of those of a shard, and no
// more in a lock hold than may be.
func TestByShardTakesEachItemOnce(t *testing.T) {
	defer func(before func(int)) { held = before }(held)
	held = func(work int) {
		if work > shardHold {
			t.Errorf("%d items in a lock hold", work)
		}
	}
	for _, n := range []int{0, 1, 2, ShardCount, 5000, 3 * shardHold * ShardCount} {
		b := newRig(t, nil)
		hashes := make([]InfoHash, n)
		for i := range hashes {
			hashes[i] = hashN(byte(i), i)
		}
		if n > shardHold*ShardCount { // many in one shard
			copy(hashes, b.hashesIn(7, 2*shardHold+1))
		}
		seen, last := make([]bool, n), make(map[*shard]uint32)
		newByShard(n, func(i int) uint64 { return hashTorrent(&hashes[i], b.Tracker.seed) }).
			each(b.Tracker, nil, func(s *shard, hash uint64, i uint32) {
				before, again := last[s]
				if seen[i] || s != b.shard(&hashes[i]) || hash != hashTorrent(&hashes[i], b.Tracker.seed) || again && i < before {
					t.Fatalf("item %d of %d comes twice, out of order or in another shard", i, n)
				}
				seen[i], last[s] = true, i
			})
		if at := slices.Index(seen, false); at >= 0 {
			t.Errorf("item %d of %d is missing", at, n)
		}
	}
}

// TestLoadAll: many records make the tracker that they make one by one. Of a torrent
// that comes twice the later record holds.
func TestLoadAll(t *testing.T) {
	one, all := newRig(t, nil), newRig(t, nil)
	var records []Record
	want := make(map[InfoHash]Record)
	for i := range 10_000 {
		r := Record{InfoHash: hashN(byte(i), i%9000), LastAnnounce: one.now().minute() - uint32(i%100), Downloaded: uint64(i)}
		if i%1000 == 999 {
			r.Downloaded = 1 << 63 // more than can be counted
		}
		records = append(records, r)
		one.Load(one.now(), r)
		r.Downloaded = min(r.Downloaded, MaxDownloaded)
		want[r.InfoHash] = r
	}
	all.LoadAll(all.now(), records)
	for name, b := range map[string]*rig{"one by one": one, "together": all} {
		got := make(map[InfoHash]Record)
		for _, r := range b.records() {
			got[r.InfoHash] = r
		}
		if !maps.Equal(got, want) || b.Torrents() != len(want) || len(b.TakeChanges(nil, 10)) != 0 {
			t.Errorf("%s: %d records, want %d, or others", name, len(got), len(want))
		}
	}
	if one.ages.all != all.ages.all || one.ages.newest != all.ages.newest || one.ages.ahead != all.ages.ahead {
		t.Errorf("ages %+v together, %+v one by one", all.ages, one.ages)
	}
}
