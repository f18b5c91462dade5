package config

import "keeptrack/tracker"

// Access is the table [access].
type Access struct {
	Mode tracker.AccessMode
	File string
}

func (a *Access) keys() []key {
	return []key{
		declare("mode", &a.Mode, tracker.AccessOpen, oneOf(tracker.AccessOpen, tracker.AccessAllow, tracker.AccessDeny),
			"open (every torrent), allow (those in the file) or deny (all but those).\n"+
				"In allow and deny the admin address changes the list, one info hash at a time:\n"+
				"deny without a file has that refuse single torrents. Reloaded on SIGHUP.").asLive(),
		declare("file", &a.File, "", text,
			"Info hashes in hexadecimal digits, one a line, with # comments. May be empty\n"+
				"in mode deny. Reloaded on SIGHUP, and so is what it holds.").asLive(),
	}
}
