package exact

import (
	"bytes"
	"encoding/hex"
	"maps"
	"slices"
)

// Origin names one stretch of one instance's counting: 8 random bytes. A member of
// the group is named by its present origin.
type Origin [8]byte

// Nobody is the zero origin, which stands for what no origin counted: what was folded,
// what strangers complete, and what was counted before there were origins.
var Nobody Origin

// String returns the origin as 16 lower-case hexadecimal digits.
func (o Origin) String() string { return hex.EncodeToString(o[:]) }

// before orders origins by their bytes.
func (o Origin) before(p Origin) bool { return compare(o, p) < 0 }

func compare(a, b Origin) int { return bytes.Compare(a[:], b[:]) }

// sorted returns the keys in order of bytes.
func sorted[V any](m map[Origin]V) []Origin { return slices.SortedFunc(maps.Keys(m), compare) }
