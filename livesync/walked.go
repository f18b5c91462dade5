package livesync

import (
	"sync"
	"time"

	"keeptrack/livesync/exact"
	"keeptrack/tracker"
)

// walked is a table of which the group's calls that walk through all torrents, which takes
// tens of milliseconds with millions, do not hold up parts: it sends none meanwhile.
type walked struct {
	exact.Table
	sending *sync.Mutex // see counting.sending; the group's calls hold it
}

// Page is exact.Table's.
func (t walked) Page(now time.Time, o exact.Origin, from tracker.InfoHash, last uint16, limit int, dst []exact.Record) (_ []exact.Record, more bool) {
	t.sending.Unlock()
	defer t.sending.Lock()
	return t.Table.Page(now, o, from, last, limit, dst)
}

// Fold is exact.Table's.
func (t walked) Fold(origins []exact.Origin) {
	t.sending.Unlock()
	defer t.sending.Lock()
	t.Table.Fold(origins)
}

// EndFloors is exact.Table's.
func (t walked) EndFloors() {
	t.sending.Unlock()
	defer t.sending.Lock()
	t.Table.EndFloors()
}
