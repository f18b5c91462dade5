package store

import "keeptrack/tracker"

// byFirstByte is a tracker as a Source: the shards of the file, unlike those of
// the tracker, go by the first byte of the info hash.
type byFirstByte struct {
	tracker *tracker.Tracker
	taken   [tracker.ShardCount][]tracker.Change
}

// ByFirstByte returns a Source for one checkpoint of a tracker.
func ByFirstByte(t *tracker.Tracker) Source { return &byFirstByte{tracker: t} }

// TakeChanges takes the changes of all shards with those of the first.
func (b *byFirstByte) TakeChanges(shard int, c *tracker.Changes) {
	if shard == 0 {
		b.takeAll()
	}
	latest := make(map[tracker.InfoHash]tracker.Change, len(b.taken[shard]))
	for _, change := range b.taken[shard] {
		latest[change.InfoHash] = change
	}
	b.taken[shard] = nil
	for h, change := range latest {
		if change.Removed {
			c.Removed = append(c.Removed, h)
		} else {
			c.Records = append(c.Records, change.Record)
		}
	}
}

func (b *byFirstByte) takeAll() {
	for over := false; !over; {
		changes := b.tracker.TakeChanges(nil, maxBatch)
		for _, c := range changes {
			b.taken[c.InfoHash[0]] = append(b.taken[c.InfoHash[0]], c)
		}
		over = len(changes) < maxBatch
	}
}

// RestoreChanges gives back what the shards to come would have had, too: the
// checkpoint ends.
func (b *byFirstByte) RestoreChanges(_ int, c *tracker.Changes) {
	var changes []tracker.Change
	for _, r := range c.Records {
		changes = append(changes, tracker.Change{Record: r})
	}
	for _, h := range c.Removed {
		changes = append(changes, tracker.Change{Record: tracker.Record{InfoHash: h}, Removed: true})
	}
	for shard := range b.taken {
		changes = append(changes, b.taken[shard]...)
		b.taken[shard] = nil
	}
	b.tracker.RestoreChanges(changes)
}

// Records goes through the torrents in order of info hash.
func (b *byFirstByte) Records(shard int, dst []tracker.Record) []tracker.Record {
	for r := range b.tracker.Records(tracker.InfoHash{byte(shard)}) {
		if int(r.InfoHash[0]) != shard {
			break
		}
		dst = append(dst, r)
	}
	return dst
}
