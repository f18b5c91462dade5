package config

import (
	"strings"

	"github.com/agnivade/levenshtein"
)

// suggestion is the likeliest of the names offered to it.
type suggestion struct {
	wanted string
	name   string // empty while nothing is close enough
	best   int
}

// suggestTable returns the table that name may stand for, or "".
func suggestTable(tables []table, name string) string {
	s := suggestion{wanted: strings.ToLower(name)}
	for _, t := range tables {
		s.offer(t.name, 0, "["+t.name+"]")
	}
	return s.name
}

// suggestKey returns the key, as table.key, that name in the table called
// within may stand for, or "". One of the same table is preferred to one that
// would have to move.
func suggestKey(tables []table, within, name string) string {
	s := suggestion{wanted: strings.ToLower(name)}
	for _, t := range tables {
		move := 1
		if t.name == within {
			move = 0
		}
		for _, k := range t.keys {
			s.offer(k.name, move, t.name+"."+k.name)
		}
	}
	return s.name
}

// offer takes name, to be shown as label, if it is close to what is wanted and
// closer than what was offered before. Close is a third of the letters, or two
// letters swapped or one wrong; beyond one, the first letter must be right. The
// penalty makes a name less close, but never too far.
func (s *suggestion) offer(name string, penalty int, label string) {
	distance := levenshtein.ComputeDistance(s.wanted, name)
	if distance > max(2, len(name)/3) || distance > 1 && !strings.HasPrefix(s.wanted, name[:1]) {
		return
	}
	if distance += penalty; s.name == "" || distance < s.best {
		s.name, s.best = label, distance
	}
}
