package tracker

import (
	"context"
	"time"
)

// evictor makes room whenever it is roused, until ctx is done. It rests for as long
// as it has worked, and for longer if it could not make enough: then there is
// nothing that may go until time has passed or the database has more records.
func (t *Tracker) evictor(ctx context.Context) {
	rest := time.NewTimer(0)
	defer rest.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-rest.C:
		}
		select {
		case <-ctx.Done():
			return
		case <-t.budget.wake:
		}
		began := time.Now()
		if enough := t.makeRoom(); enough {
			rest.Reset(time.Since(began))
		} else {
			rest.Reset(evictPause + 10*time.Since(began))
		}
	}
}

// evictPause is the shortest rest after room could not be made.
const evictPause = 100 * time.Millisecond

// makeRoom makes room under the bounds that are pressed, and says whether there is
// enough. If there is not and some was made, it is to go on: a survey may miss what
// the next one finds.
func (t *Tracker) makeRoom() (enough bool) {
	enough = true
	unsaved, some := false, false
	for _, of := range [...]*bound{&t.budget.bytes, &t.budget.torrents} {
		if !of.pressed() {
			continue
		}
		e, before := eviction{t: t, of: of}, of.used.Load()
		enough = e.run() && enough
		unsaved = unsaved || e.unsaved
		some = some || of.used.Load() < before
	}
	if some && !enough {
		t.budget.rouse()
	}
	if unsaved && !enough && t.opts.WantCheckpoint != nil {
		t.opts.WantCheckpoint()
	}
	return enough
}
