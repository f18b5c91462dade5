package tracker

import "math"

// What records take up at most that are loaded from a file: each torrent its
// place in a slab and slots of an index that is three eighths full, and every shard
// a page that is not.
const (
	recordBytes = pageBytes/pageTorrents + 1 + 4*8/3 + 1
	shardsBytes = ShardCount * pageBytes
)

// RecordsThatFit returns how many records from a file there is room for: they may
// take up three quarters of what there is for torrents and peers. 0 is any number.
func (t *Tracker) RecordsThatFit() int {
	b := &t.budget.bytes
	if !b.limited() {
		return 0
	}
	room := b.limit / 4 * 3
	few := room / (pageBytes + recordBytes) // each in a shard of its own
	return int(min(max((room-shardsBytes)/recordBytes, min(few, ShardCount), 1), math.MaxInt))
}

// MemoryFor returns the Options.MaxMemory with which so many records fit.
func MemoryFor(records int) int64 {
	room := (int64(records)*recordBytes+shardsBytes)/3*4 + 4*recordBytes
	return limitFor(room)
}
