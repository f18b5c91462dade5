package livesync

import (
	"slices"
	"sync"
	"time"

	"keeptrack/livesync/exact"
	"keeptrack/livesync/transport"
	"keeptrack/livesync/wire"
	"keeptrack/tracker/override"
)

// maxInstances bounds the number of instances that are known. When another one
// comes, the one heard longest ago is forgotten.
const maxInstances = 256

// Instance is what is known of another instance.
type Instance struct {
	ID wire.ID `json:"id"`
	// Source is where its last packet came from.
	Source transport.Endpoint `json:"source"`
	// LastSeen is when that was.
	LastSeen time.Time `json:"last_seen"`
	// Torrents is the number of torrents in its last BEACON, at LastBeacon; nil
	// and the zero time when there was none. What it points to does not change.
	Torrents   *uint64   `json:"torrents,omitempty"`
	LastBeacon time.Time `json:"last_beacon,omitzero"`
	// Overrides is how its overrides of the access list compare with those here; nil
	// before its first digest of them. What it points to does not change.
	Overrides *OverridesOf `json:"overrides,omitempty"`
	// In is what was received from it.
	In Traffics `json:"received"`

	// origin is the one that its last packet about counts came from, which was at
	// counted; zero if there was none.
	origin  exact.Origin
	counted time.Time
}

// instances are those that were heard.
type instances struct {
	mu    sync.Mutex
	known map[wire.ID]*Instance
}

// heard takes note of a packet.
func (t *instances) heard(p wire.Packet, from transport.Endpoint, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := t.known[p.From]
	if i == nil {
		if len(t.known) == maxInstances {
			forgetOldest(t.known, func(i *Instance) time.Time { return i.LastSeen })
		}
		i = &Instance{ID: p.From}
		t.known[p.From] = i
	}
	i.Source, i.LastSeen = from, now
	i.In[p.Kind].Packets++
	i.In[p.Kind].Records += uint64(p.Records())
	if p.Kind.Counts() {
		i.origin, i.counted = p.Count().From, now
	}
	if p.Kind == wire.KindBeacon {
		i.Torrents, i.LastBeacon = new(p.Torrents()), now
	}
}

// OverridesOf are the overrides of the access list of another instance.
type OverridesOf struct {
	// Label names the instance in the overrides that were made there.
	Label override.Label `json:"label"`
	// Equal says that they were equal to those here by its last digest, and Since
	// from when on that has been so, or not been so.
	Equal bool      `json:"equal"`
	Since time.Time `json:"since"`
}

// compared takes note of how the overrides of an instance compare with those here.
func (t *instances) compared(id wire.ID, l override.Label, equal bool, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := t.known[id]
	if i == nil {
		return // meanwhile forgotten
	}
	of := &OverridesOf{Label: l, Equal: equal, Since: now}
	if old := i.Overrides; old != nil && old.Equal == equal {
		of.Since = old.Since
	}
	i.Overrides = of
}

// endpoint returns where an instance can be reached, and transport.All for one
// that is not known any more: a packet that is for it alone says so.
func (t *instances) endpoint(id wire.ID) transport.Endpoint {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := t.known[id]; i != nil {
		return i.Source
	}
	return transport.All
}

// countedWithin reports whether an instance has sent a packet about counts in the time
// before now.
func (t *instances) countedWithin(id wire.ID, d time.Duration, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := t.known[id]
	return i != nil && !i.counted.IsZero() && now.Sub(i.counted) <= d
}

// endpointOf returns where the member of an origin can be reached, and transport.All if
// none is known.
func (t *instances) endpointOf(o exact.Origin) transport.Endpoint {
	t.mu.Lock()
	defer t.mu.Unlock()
	var of *Instance
	for _, i := range t.known {
		if i.origin == o && (of == nil || i.counted.After(of.counted)) {
			of = i
		}
	}
	if of == nil {
		return transport.All
	}
	return of.Source
}

// list returns a copy, in order of id.
func (t *instances) list() []Instance {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]Instance, 0, len(t.known))
	for _, i := range t.known {
		out = append(out, *i)
	}
	slices.SortFunc(out, func(a, b Instance) int { return slices.Compare(a.ID[:], b.ID[:]) })
	return out
}

// forgetOldest makes room for one in a map: it deletes the entry whose time is the
// earliest.
func forgetOldest[K comparable, V any](m map[K]V, at func(V) time.Time) {
	var oldest K
	var earliest time.Time
	first := true
	for k, v := range m {
		if t := at(v); first || t.Before(earliest) {
			oldest, earliest, first = k, t, false
		}
	}
	delete(m, oldest)
}
