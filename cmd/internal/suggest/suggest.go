// Package suggest finds what a misspelt name may stand for.
package suggest

import (
	"strings"

	"github.com/agnivade/levenshtein"
)

// Suggestion is the likeliest of the names offered to it.
type Suggestion struct {
	wanted string
	label  string // empty while nothing is close enough
	best   int
}

// For returns a Suggestion for a misspelt name, whose letters' case does not count.
func For(name string) Suggestion { return Suggestion{wanted: strings.ToLower(name)} }

// Label returns the label of the likeliest name, or nothing if none is close.
func (s *Suggestion) Label() string { return s.label }

// Offer takes name, to be shown as label, if it is close to what is wanted and
// closer than what was offered before. Close is a third of the letters, or two
// letters swapped or one wrong; beyond one, the first letter must be right. The
// penalty makes a name less close, but never too far.
func (s *Suggestion) Offer(name string, penalty int, label string) {
	distance := levenshtein.ComputeDistance(s.wanted, name)
	if distance > max(2, len(name)/3) || distance > 1 && !strings.HasPrefix(s.wanted, name[:1]) {
		return
	}
	if distance += penalty; s.label == "" || distance < s.best {
		s.label, s.best = label, distance
	}
}
