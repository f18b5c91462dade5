package livesync

import (
	"testing"
	"time"

	"keeptrack/livesync/exact"
	"keeptrack/livesync/wire"
	"keeptrack/tracker"
)

// during is a table that calls the function in each of its long walks.
type during struct {
	exact.Table
	call func()
}

func (d during) Page(time.Time, exact.Origin, tracker.InfoHash, uint16, int, []exact.Record) ([]exact.Record, bool) {
	d.call()
	return nil, false
}
func (d during) Fold([]exact.Origin) { d.call() }
func (d during) EndFloors()          { d.call() }

// TestPartsDoNotWaitForWalks: packets with peers, before which parts go out, go on while the
// group walks through all torrents, or somebody asks for its state.
func TestPartsDoNotWaitForWalks(t *testing.T) {
	i := quietMember(t, defaults())
	c, value := i.counting, uint64(0)
	flush := func() {
		t.Helper()
		value++
		c.ledger.Counted(i.counting.ledger.Own(), &testHash, value)
		i.flushParts()
		if n := i.Stats().Out[wire.KindCountParts].Records; n != value {
			t.Errorf("%d parts sent, want %d", n, value)
		}
	}
	table := walked{during{c.parts, flush}, &c.sending}
	c.change(func(*exact.Group) {
		table.Page(time.Now(), exact.Nobody, testHash, 0, 1, nil)
		table.Fold(nil)
		table.EndFloors()
		if c.sending.TryLock() {
			t.Error("others may send while the group changes")
			c.sending.Unlock()
		}
	})
	c.mu.Lock()
	flush()
	c.mu.Unlock()
}
