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
			"open (serve every torrent), allow (only those in the file) or deny (all but\n"+
				"those in the file). In allow and deny the admin address changes the list, one\n"+
				"info hash at a time; deny without a file is enough to refuse single torrents.\n"+
				"Reloaded on SIGHUP.").asLive(),
		declare("file", &a.File, "", text,
			"Info hashes in hexadecimal digits, one a line, with # comments. May be empty\n"+
				"in mode deny. Reloaded on SIGHUP, and so are its contents.").asLive(),
	}
}
