package daemon

import "keeptrack/tracker"

// recordLoader has a tracker take in records while more are read. One goroutine takes
// in all of them: what it waits for is new memory, which two would wait for together.
type recordLoader struct {
	tracker *tracker.Tracker
	now     tracker.Instant
	fitting []tracker.Record // to be taken in
	left    []tracker.Record // to be left in the file
	full    chan recordBatch
	free    chan []tracker.Record
	done    chan struct{} // closed once all that was given is taken in
}

// recordBatch is records that all fit into memory or are all left in the file.
type recordBatch struct {
	records []tracker.Record
	fit     bool
}

const (
	loadTogether = 1 << 14 // the number of records in a batch
	loadBuffers  = 4       // two that are filled, one that waits and one that is taken in
)

// newRecordLoader returns a loader. It has to be ended with close.
func newRecordLoader(t *tracker.Tracker, now tracker.Instant) *recordLoader {
	l := &recordLoader{
		tracker: t, now: now, full: make(chan recordBatch, 1), free: make(chan []tracker.Record, loadBuffers),
		done: make(chan struct{}),
	}
	for range loadBuffers {
		l.free <- make([]tracker.Record, 0, loadTogether)
	}
	l.fitting, l.left = <-l.free, <-l.free
	go l.run()
	return l
}

func (l *recordLoader) run() {
	defer close(l.done)
	for b := range l.full {
		if b.fit {
			l.tracker.LoadAll(l.now, b.records)
		} else {
			for _, r := range b.records {
				l.tracker.LeaveInFile(l.now, r)
			}
		}
		l.free <- b.records[:0]
	}
}

// add gives a record, which fits into memory or is left in the file.
func (l *recordLoader) add(r tracker.Record, fits bool) {
	some := &l.left
	if fits {
		some = &l.fitting
	}
	if *some = append(*some, r); len(*some) == cap(*some) {
		l.full <- recordBatch{*some, fits}
		*some = <-l.free
	}
}

// close waits until all records are taken in.
func (l *recordLoader) close() {
	l.full <- recordBatch{l.fitting, true}
	l.full <- recordBatch{l.left, false}
	close(l.full)
	<-l.done
}
