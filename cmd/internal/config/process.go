package config

// Process is the table [process]. An empty User stands for the one who started
// the process.
type Process struct {
	User string
}

func (p *Process) keys() []key {
	return []key{
		declare("user", &p.User, "", text,
			"When started as root: the user, by name or number, to become once the\n"+
				"addresses are bound. The user must own the database and the directory of unix\n"+
				"sockets."),
	}
}
