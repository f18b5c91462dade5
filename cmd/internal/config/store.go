package config

import "time"

// Store is the table [store].
type Store struct {
	Path               string
	CheckpointInterval time.Duration
	KeepPeers          bool
	PeersInterval      time.Duration
}

func (s *Store) keys() []key {
	return []key{
		declare("path", &s.Path, "keeptrack.db", nonEmpty(text),
			"The database file. A relative path starts in the working directory."),
		declare("checkpoint_interval", &s.CheckpointInterval, time.Minute, duration(100*time.Millisecond, day),
			"How often changes are written to the database. A crash loses the changes after\n"+
				"the last write."),
		declare("keep_peers", &s.KeepPeers, true, boolean,
			"Keep peers over a restart, in PATH.peers. Their addresses are on disk then.\n"+
				"false: write no peers, and remove those on disk. Reloaded on SIGHUP.").asLive(),
		declare("peers_interval", &s.PeersInterval, 5*time.Minute, zeroOr(duration(100*time.Millisecond, day)),
			"How often the peers are written while the daemon runs, for the start after a\n"+
				"crash. \"0\": only when it stops. Reloaded on SIGHUP.").asLive(),
	}
}
