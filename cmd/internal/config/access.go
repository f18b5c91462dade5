package config

// Access is the table [access].
type Access struct {
	Mode AccessMode
	File string
}

// AccessMode says which torrents are served.
type AccessMode string

// The access modes.
const (
	AccessOpen  AccessMode = "open"  // every torrent
	AccessAllow AccessMode = "allow" // those in the file
	AccessDeny  AccessMode = "deny"  // all but those in the file
)

func (a *Access) keys() []key {
	return []key{
		declare("mode", &a.Mode, AccessOpen, oneOf(AccessOpen, AccessAllow, AccessDeny),
			"open (every torrent), allow (those in the file) or deny (all but those).\n"+
				"Reloaded on SIGHUP.").asLive(),
		declare("file", &a.File, "", text,
			"Info hashes in hexadecimal digits, one a line, with # comments. Reloaded on\n"+
				"SIGHUP, and so is what it holds.").asLive(),
	}
}
