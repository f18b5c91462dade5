package tracker

import "time"

// Settlement is what a store tells of changes that were taken and are in the
// file now.
type Settlement struct {
	// Taken is the number of changes taken.
	Taken int
	// Partial says of each partial change what the file held before it.
	Partial []InFile
	// Expired counts the records that have expired and are no longer in the file.
	Expired int
}

// InFile is what a file holds of a torrent.
type InFile struct {
	Record        // with an info hash alone if Found is not set
	Found  bool   // there is a record
	Parts  []Part // of origins that are not folded, and the excess
}

// Settle takes in what has become of changes that were taken: partial torrents
// are whole again.
func (t *Tracker) Settle(done Settlement) {
	for i := range done.Partial {
		t.settle(&done.Partial[i])
	}
	t.alone.Add(-int64(done.Expired))
	t.taking.unwritten.Add(-int64(done.Taken))
	if t.budget.pressed() { // those that were written may go now
		t.budget.rouse()
	}
}

func (t *Tracker) settle(in *InFile) {
	s, hash := t.find(&in.InfoHash)
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.find(&in.InfoHash, hash)
	if !ok {
		if !in.Found { // it was dropped while the file got it
			t.alone.Add(1)
		}
		return
	}
	torrent := s.torrents.at(i)
	if torrent.partial {
		here := torrent.here()
		torrent.settle(&in.Record)
		if in.Found {
			t.alone.Add(-1)
		}
		if t.parts != nil {
			t.parts.settle(s, i, in, here)
		}
	}
	torrent.stored = true
}

// LeaveInFile takes it that the file has a record that Load is not called with. It
// is called before anything else knows the tracker.
func (t *Tracker) LeaveInFile(now Instant, r Record) {
	t.leftInFile()
	t.ages.loaded(r.LastAnnounce, now)
}

// leftInFile takes it that the file has a record that the tracker has not. If it
// is of a torrent that leaves the tracker, that one's shard is locked.
func (t *Tracker) leftInFile() {
	t.alone.Add(1)
	t.fileOnly.Store(true)
}

// InFileAlone returns the number of records that the file has and the tracker has
// not.
func (t *Tracker) InFileAlone() int { return int(max(t.alone.Load(), 0)) }

// Expired reports whether a record is to go from the file: its torrent is not
// kept, and by the sweep's clock it is too old to be.
func (t *Tracker) Expired(r Record) bool {
	seen := t.seen.Load()
	if seen == nil || !t.fileOnly.Load() {
		return false
	}
	keep := t.keepFor(r.Downloaded)
	if keep == 0 || seen.ages.of(r.LastAnnounce, seen.now) < keep {
		return false
	}
	return !t.look(&r.InfoHash, func(*shard, uint32) {})
}

// lookAtClock observes the time for the sweep, and for Expired.
func (t *Tracker) lookAtClock(now Instant, steady time.Duration) {
	t.ages.observe(int64(now.second), steady)
	t.seen.Store(&seenAges{t.ages, now})
}

// seenAges are the sweep's ages as of a moment.
type seenAges struct {
	ages ages
	now  Instant
}
