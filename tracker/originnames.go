package tracker

import (
	"math"
	"sync"
)

// originNames has an index for each origin of which there may be parts, so that a part
// need not hold its name. The zero value has none.
type originNames struct {
	mu     sync.Mutex // guards what follows; taken with a shard locked
	index  map[Origin]uint16
	names  []Origin            // by index less firstOrigin; Nobody: not in use
	unused []uint16            // indexes
	folded map[Origin]struct{} // those that are never to come back
}

// find returns the index of an origin.
func (n *originNames) find(o Origin) (uint16, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	i, ok := n.index[o]
	return i, ok
}

// add returns the index of an origin, which gets one unless it has been folded or
// there is none left.
func (n *originNames) add(o Origin) (uint16, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if i, ok := n.index[o]; ok {
		return i, true
	}
	if _, folded := n.folded[o]; folded || o == Nobody {
		return 0, false
	}
	if n.index == nil {
		n.index = make(map[Origin]uint16)
	}
	var i uint16
	if last := len(n.unused) - 1; last >= 0 {
		i, n.unused = n.unused[last], n.unused[:last]
	} else if len(n.names) > math.MaxUint16-firstOrigin {
		return 0, false
	} else {
		n.names = append(n.names, Nobody)
		i = uint16(len(n.names) - 1 + firstOrigin)
	}
	n.names[i-firstOrigin], n.index[o] = o, i
	return i, true
}

// name returns the origin that has an index; that of a row of the excess is Nobody.
func (n *originNames) name(i uint16) Origin {
	if i < firstOrigin {
		return Nobody
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.names[i-firstOrigin]
}

// fold has an origin get no index any more, and returns the one that it has.
func (n *originNames) fold(o Origin) (uint16, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.folded == nil {
		n.folded = make(map[Origin]struct{})
	}
	n.folded[o] = struct{}{}
	i, ok := n.index[o]
	return i, ok
}

// free gives up the index of an origin of which there are no parts any more.
func (n *originNames) free(o Origin) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if i, ok := n.index[o]; ok {
		delete(n.index, o)
		n.names[i-firstOrigin] = Nobody
		n.unused = append(n.unused, i)
	}
}
