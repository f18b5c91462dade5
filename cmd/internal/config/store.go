package config

import "time"

// Store is the table [store].
type Store struct {
	Path               string
	CheckpointInterval time.Duration
}

func (s *Store) keys() []key {
	return []key{
		declare("path", &s.Path, "keeptrack.db", nonEmpty(text),
			"The database file. A relative path starts in the working directory."),
		declare("checkpoint_interval", &s.CheckpointInterval, time.Minute, duration(100*time.Millisecond, day),
			"How often changes are written to it: what a crash can lose."),
	}
}
