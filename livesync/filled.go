package livesync

import (
	"time"

	"keeptrack/livesync/wire"
)

// Filled says how far this instance is in getting the group's peers after its start.
type Filled struct {
	// State is "seeking" for an instance to ask, "asking" one, "receiving" its peers,
	// or "filled".
	State string `json:"state"`
	// Ready says that clients are not to wait for peers any more.
	Ready bool `json:"ready"`
	// From is the instance that is asked or was the last; nil before the first.
	From *wire.ID `json:"from,omitempty"`
	// Began is when it was first asked, and Done when all peers of an instance had last
	// arrived; the zero time before.
	Began time.Time `json:"began,omitzero"`
	Done  time.Time `json:"done,omitzero"`
	// Taken is the number of peers that were taken in since the start.
	Taken uint64 `json:"taken"`
}

// Told is a stream of peers to an instance that asked.
type Told struct {
	To      wire.ID   `json:"to"`
	Began   time.Time `json:"began"`
	Packets uint32    `json:"packets"`
	Resent  uint64    `json:"resent"`
}

// note takes note of an action.
func (f *Filled) note(a fillAction, now time.Time) {
	switch {
	case a.kind == fillAsk && a.first:
		id := a.mate
		f.From, f.Began = &id, now
	case a.kind == fillDone:
		f.Done = now
	}
}

// filled returns how far this instance is.
func (n *Node) filled() Filled {
	c := &n.newcomer
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.from
	f.State, f.Ready, f.Taken = c.fill.state.String(), c.fill.ready, n.counters.peersTaken.Load()
	return f
}

// told returns the streams that go on.
func (n *Node) told() []Told {
	c := &n.newcomer
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]Told, 0, len(c.telling))
	for _, o := range c.telling {
		list = append(list, Told{To: o.to, Began: o.began, Packets: o.end, Resent: o.resent})
	}
	return list
}
