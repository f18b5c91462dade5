package daemon

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/cmd/internal/config"
	"keeptrack/store"
	"keeptrack/tracker"
)

// maxOverrides bounds the overrides of the access list, which are sorted anew
// with each change. Who has more of them is better served by the file.
const maxOverrides = 1 << 16

var errOverrides = fmt.Errorf("there are %d overrides already, put hashes into the list's file instead", maxOverrides)

// accessRules hold the access list in force: what the file lists, and the
// overrides in the database, which prevail over it.
type accessRules struct {
	store   *store.Store
	tracker *tracker.Tracker
	log     zerolog.Logger

	mu        sync.Mutex // guards what follows, held while it changes
	config    config.Access
	list      *tracker.HashSet       // what the file lists; nil if the mode is open
	overrides []store.AccessOverride // in order of info hash
	// unsure says that the database has failed to take a change, which may be on
	// disk nevertheless: from then on nothing is taken for done already.
	unsure bool
}

// newAccessRules puts the list of c and the overrides in force.
func newAccessRules(s *store.Store, t *tracker.Tracker, c config.Access, list *tracker.HashSet, log zerolog.Logger) (*accessRules, error) {
	r := &accessRules{store: s, tracker: t, log: log, config: c, list: list}
	var err error
	if r.overrides, err = s.AccessOverrides(); err != nil {
		return nil, err
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

// override adds an info hash to the list or takes it off. It is in force and on
// disk when the method returns without error, and in the log with who asked.
func (r *accessRules) override(h tracker.InfoHash, listed bool, client string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, there := r.find(h)
	switch {
	case there && r.overrides[at].Listed == listed && !r.unsure:
		return nil
	case !there && len(r.overrides) >= maxOverrides:
		return errOverrides
	}
	o := store.AccessOverride{InfoHash: h, Listed: listed, Since: time.Now().UTC().Truncate(time.Second)}
	if err := r.store.SetAccessOverride(o); err != nil {
		r.unsure = true
		return err
	}
	if there {
		r.overrides[at] = o
	} else {
		r.overrides = slices.Insert(r.overrides, at, o)
	}
	change := "taken off the list"
	if listed {
		change = "added to the list"
	}
	r.changed(h, change, client)
	return nil
}

// forget drops the override of an info hash, if there is one, so that the file
// alone decides on it.
func (r *accessRules) forget(h tracker.InfoHash, client string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, there := r.find(h)
	if !there && !r.unsure {
		return nil
	}
	if err := r.store.DropAccessOverride(h); err != nil {
		r.unsure = true
		return err
	}
	if there {
		r.overrides = slices.Delete(r.overrides, at, at+1)
	}
	r.changed(h, "left to the file", client)
	return nil
}

// changed puts a change in force and writes it to the log.
func (r *accessRules) changed(h tracker.InfoHash, change, client string) {
	r.apply()
	audit(r.log).Str("client", client).Stringer("info_hash", h).Str("change", change).
		Stringer("mode", r.config.Mode).Msg("access list changed")
}

func (r *accessRules) find(h tracker.InfoHash) (at int, there bool) {
	return slices.BinarySearchFunc(r.overrides, h, func(o store.AccessOverride, h tracker.InfoHash) int {
		return slices.Compare(o.InfoHash[:], h[:])
	})
}

// apply puts what the rules hold in force.
func (r *accessRules) apply() {
	var added, removed []tracker.InfoHash
	for _, o := range r.overrides {
		if o.Listed {
			added = append(added, o.InfoHash)
		} else {
			removed = append(removed, o.InfoHash)
		}
	}
	r.tracker.SetAccess(&tracker.Access{
		Mode:    r.config.Mode,
		List:    r.list,
		Added:   tracker.NewHashSet(added),
		Removed: tracker.NewHashSet(removed),
	})
}
