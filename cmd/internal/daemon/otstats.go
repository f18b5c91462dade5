package daemon

import (
	"iter"
	"time"

	"keeptrack/cmd/internal/admin/otstats"
	"keeptrack/tracker"
)

// otSource is where /stats takes its numbers from.
type otSource struct{ d *Daemon }

func (o otSource) ScrapeAll() iter.Seq[tracker.Scraped] { return o.d.tracker.ScrapeAll() }

func (o otSource) Records(from tracker.InfoHash) iter.Seq[tracker.Record] {
	return o.d.tracker.Records(from)
}

// Numbers returns the counters once the database is loaded.
func (o otSource) Numbers() (otstats.Numbers, error) {
	d := o.d
	if d.state.Load() == loading {
		return otstats.Numbers{}, errLoading
	}
	n := otstats.Numbers{Version: d.opts.Version, Uptime: int64(time.Since(d.started) / time.Second)}
	for _, p := range d.parts() {
		p.count(&n)
	}
	return n, nil
}
