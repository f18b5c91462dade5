package exact

import (
	"bytes"
	"maps"
	"slices"

	"keeptrack/tracker"
)

// Origin names one stretch of one instance's counting. A member of the group is named
// by its present origin.
type Origin = tracker.Origin

// Nobody is the zero origin.
var Nobody = tracker.Nobody

// before orders origins by their bytes.
func before(o, p Origin) bool { return compare(o, p) < 0 }

func compare(a, b Origin) int { return bytes.Compare(a[:], b[:]) }

// sorted returns the keys in order of bytes.
func sorted[V any](m map[Origin]V) []Origin { return slices.SortedFunc(maps.Keys(m), compare) }
