package config

// Process is the table [process]. An empty User stands for the one who started
// the process.
type Process struct {
	User string
}

func (p *Process) keys() []key {
	return []key{
		declare("user", &p.User, "", text,
			"Started as root: become this user, by name or number, once the addresses are\n"+
				"bound. The user has to own the database and the directory of unix sockets."),
	}
}
