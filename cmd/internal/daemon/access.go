package daemon

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/cmd/internal/config"
	"keeptrack/store"
	"keeptrack/tracker"
	"keeptrack/tracker/override"
)

// accessRules hold the access list in force: what the file lists, and the
// overrides in the database, which prevail over it.
type accessRules struct {
	silent
	store   *store.Store
	tracker *tracker.Tracker
	log     zerolog.Logger
	label   override.Label // of this instance
	counted atomic.Pointer[overrideCounts]

	mu        sync.Mutex // guards what follows, held while it changes
	config    config.Access
	list      *tracker.HashSet // what the file lists; nil if the mode is open
	overrides override.Set
	// spread tells other instances of an override that was made here; nil without a
	// key.
	spread func(override.Override)
	// changed is called when another access list is in force; nil if nobody asks.
	changed func()
	// unsure says that the database has failed to take a change, which may be on
	// disk nevertheless: from then on nothing is taken for done already.
	unsure bool
	agreed struct {
		at     time.Time // when the overrides were last equal to another instance's
		stored time.Time // the same, as the database has it
	}
}

// newAccessRules puts the list of c and the overrides in force.
func newAccessRules(s *store.Store, t *tracker.Tracker, c config.Access, list *tracker.HashSet, log zerolog.Logger) (*accessRules, error) {
	r := &accessRules{store: s, tracker: t, log: log, config: c, list: list}
	var err error
	if r.label, err = s.Label(); err != nil {
		return nil, err
	}
	if r.agreed.stored, err = s.OverridesAgreed(); err != nil {
		return nil, err
	}
	r.agreed.at = r.agreed.stored
	all, err := s.Overrides()
	if err != nil {
		return nil, err
	}
	for _, o := range all {
		r.overrides.Put(o)
	}
	r.apply()
	return r, nil
}

// set puts another file's list in force.
func (r *accessRules) set(c config.Access, list *tracker.HashSet) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.config, r.list = c, list
	r.apply()
}

// fileInForce returns the part of the config that is in force.
func (r *accessRules) fileInForce() config.Access {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.config
}

// spreadBy has overrides that are made from now on told to other instances.
func (r *accessRules) spreadBy(tell func(override.Override)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spread = tell
}

// whenChanged has a function called each time that another access list is in force.
func (r *accessRules) whenChanged(changed func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changed = changed
}

// apply puts what the rules hold in force. r.mu is held.
func (r *accessRules) apply() {
	r.counted.Store(countsOf(&r.overrides))
	var added, removed []tracker.InfoHash
	for o := range r.overrides.All {
		switch listed, ok := o.Decision.Lists(r.config.Mode); {
		case !ok:
		case listed:
			added = append(added, o.InfoHash)
		default:
			removed = append(removed, o.InfoHash)
		}
	}
	r.tracker.SetAccess(&tracker.Access{
		Mode:    r.config.Mode,
		List:    r.list,
		Added:   tracker.NewHashSet(added),
		Removed: tracker.NewHashSet(removed),
	})
	if r.changed != nil {
		r.changed()
	}
}

var metricOverrides = gauge("access_overrides", "Overrides of the access list for single info hashes, by decision.", "decision")

// collect does not wait for a change, which may wait for the disk.
func (r *accessRules) collect(send sender) {
	n := r.counted.Load()
	send(metricOverrides, float64(n.refuse), override.Refuse.String())
	send(metricOverrides, float64(n.serve), override.Serve.String())
	send(metricOverrides, float64(n.local), "local")
	send(metricOverrides, float64(n.dropped), override.Dropped.String())
}

// overrideCounts are the numbers of overrides by decision.
type overrideCounts struct{ refuse, serve, local, dropped int }

func countsOf(s *override.Set) *overrideCounts {
	return &overrideCounts{
		refuse:  s.Count(override.Refuse),
		serve:   s.Count(override.Serve),
		local:   s.Count(override.LocalAdded) + s.Count(override.LocalTakenOff),
		dropped: s.Count(override.Dropped),
	}
}

// Run does nothing until ctx is done: the rules are a part for their metrics.
func (r *accessRules) Run(ctx context.Context) error { return untilDone(ctx) }
