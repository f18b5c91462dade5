package livesync

import (
	"time"

	"keeptrack/livesync/wire"
	"keeptrack/tracker"
)

// maxAhead bounds the records that are copied ahead, however fast the pace.
const maxAhead = 100_000

// stream is a walk through the torrents of every shard, one shard after the other
// and within a shard in order of info hash. Every torrent that is there from
// beginning to end is told exactly once.
type stream struct {
	activity activity // why it was begun
	tracker  Tracker
	// window is how long a copied record waits before it is told, see Node.reorder. A
	// completion that is in the copy has by then reached all others as a SYNC_LIVE
	// record. One that arrived after the TELL that includes it would be counted twice.
	window time.Duration
	owed   *owed // the torrents to tell; nil: all
	pace   pacer

	began         time.Time
	shard         int              // next to copy from
	from          tracker.InfoHash // in the shard
	taken         int              // of what is owed
	perPacket     int              // records in a full packet
	ahead         int              // records to have copied ahead of the pace, for window
	queue         []queued
	head          int // of queue: the next record to tell
	copy          []tracker.Record
	packets, told uint64
}

// queued is a copied record and when it may be told, as a time since the
// stream began.
type queued struct {
	tracker.Record
	ripe time.Duration
}

func newStream(t Tracker, window time.Duration, maxPacket, perSecond int, now time.Time) *stream {
	s := &stream{
		tracker:   t,
		window:    window,
		pace:      newPacer(perSecond),
		began:     now,
		perPacket: wire.KindTell.Records(maxPacket),
	}
	s.ahead = min(s.perPacket*(1+int(window/s.pace.interval)), maxAhead)
	return s
}

// next appends the records of the packet to send at now to dst. When none may
// be sent yet, it returns when to come back; over says that all was told. Before
// each call copyAhead and ripen fill the queue.
func (s *stream) next(dst []byte, now time.Time) (packet []byte, wait time.Time, over bool) {
	n := min(s.perPacket, len(s.queue)-s.head)
	if n == 0 {
		return nil, time.Time{}, true
	}
	records := s.queue[s.head : s.head+n]
	s.pace.hold(s.began.Add(records[n-1].ripe))
	if !s.pace.ready(now) {
		return nil, s.pace.next, false
	}
	s.pace.spend(now)
	for i := range records {
		dst = wire.AppendTell(dst, tellRecord(&records[i].Record, now))
	}
	s.head += n
	s.packets++
	s.told += uint64(n)
	return dst, time.Time{}, false
}

// copyAhead copies some records, or returns false if there are enough ahead or no
// more. Completions that the copy has are then to be published, before ripen is
// called.
func (s *stream) copyAhead() bool {
	switch {
	case s.shard == tracker.ShardCount || len(s.queue)-s.head >= s.ahead:
		return false
	case s.owed != nil:
		s.copyOwed()
	default:
		s.copyPage()
	}
	return true
}

// ripen queues what copyAhead has copied, to be told once everything that was sent
// until now has arrived.
func (s *stream) ripen(now time.Time) {
	if s.head > len(s.queue)/2 {
		s.queue = append(s.queue[:0], s.queue[s.head:]...)
		s.head = 0
	}
	ripe := now.Add(s.window).Sub(s.began)
	for _, r := range s.copy {
		s.queue = append(s.queue, queued{r, ripe})
	}
}

// maxCopy is the number of records that are copied at a time.
const maxCopy = 16 << 10

// copyPage copies the next records of the shard.
func (s *stream) copyPage() {
	var more bool
	s.copy, s.from, more = s.tracker.ServedPage(s.shard, s.from, maxCopy, s.copy[:0])
	if !more {
		s.shard, s.from = s.shard+1, tracker.InfoHash{}
	}
}

// copyOwed copies some of the records that are owed. As many shards as there are
// count as gone through in proportion.
func (s *stream) copyOwed() {
	s.copy = s.copy[:0]
	hashes, left := s.owed.take(maxCopy)
	for _, h := range hashes {
		if r, ok := s.tracker.Served(h); ok {
			s.copy = append(s.copy, r)
		}
	}
	s.taken += len(hashes)
	s.shard = tracker.ShardCount * s.taken / max(s.taken+left, 1)
	if left == 0 {
		s.shard = tracker.ShardCount
	}
}

// tellRecord returns what is told of a torrent at now. A last announce in the
// future, from a clock that was set back, counts as this minute.
func tellRecord(r *tracker.Record, now time.Time) wire.TellRecord {
	age := minuteOf(now) - int64(r.LastAnnounce)
	return wire.TellRecord{InfoHash: r.InfoHash, Age: uint32(max(age, 0)), Downloaded: r.Downloaded}
}

// minuteOf returns the whole minutes since 1970-01-01 UTC.
func minuteOf(t time.Time) int64 { return t.Unix() / 60 }
