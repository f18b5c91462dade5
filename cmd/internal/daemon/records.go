package daemon

import (
	"fmt"
	"time"

	"keeptrack/tracker"
)

// loadRecords takes in as many of the database's records as the memory budget has
// room for.
func (d *Daemon) loadRecords() error {
	_, budget := d.tracker.Memory()
	d.store.LimitMemory(budget / 8)
	now := d.tracker.Instant(time.Now())
	l := newRecordLoader(d.tracker, now)
	_, left, err := d.store.LoadMost(d.tracker.RecordsThatFit(), l.add)
	l.close()
	if err != nil {
		return err
	}
	if left > 0 {
		d.log.Error().Err(d.tooSmall()).Str("path", d.database).Int("torrents", d.tracker.Torrents()).Int("in_file_alone", left).
			Msg("there is not enough memory for all torrents of the database: those with the fewest downloads stay in the file alone, " +
				"and show no counts until they are announced")
	}
	return nil
}

// tooSmall returns an error that says what to set if the database has records that
// the memory budget has no room for.
func (d *Daemon) tooSmall() error {
	_, budget := d.tracker.Memory()
	alone := d.tracker.InFileAlone()
	wanted := tracker.MemoryFor(d.tracker.Torrents() + alone)
	if alone == 0 || budget == 0 || wanted <= budget {
		return nil
	}
	const mebibyte = 1 << 20
	return fmt.Errorf("tracker.max_memory is too small for %d torrents of the database: set it to %dMiB or more",
		alone, (wanted+mebibyte-1)/mebibyte)
}
