package config

import "keeptrack/cmd/internal/suggest"

// suggestTable returns the table that name may stand for, or "".
func suggestTable(tables []table, name string) string {
	s := suggest.For(name)
	for _, t := range tables {
		s.Offer(t.name, 0, "["+t.name+"]")
	}
	return s.Label()
}

// suggestKey returns the key, as table.key, that name in the table called
// within may stand for, or "". One of the same table is preferred to one that
// would have to move.
func suggestKey(tables []table, within, name string) string {
	s := suggest.For(name)
	for _, t := range tables {
		move := 1
		if t.name == within {
			move = 0
		}
		for _, k := range t.keys {
			s.Offer(k.name, move, t.name+"."+k.name)
		}
	}
	return s.Label()
}
