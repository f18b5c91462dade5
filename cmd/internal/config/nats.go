package config

import (
	"net/netip"
	"net/url"

	"keeptrack/livesync/transport/nats"
)

// NATS is what the table [livesync] says of the transport over NATS servers. NATSURLs are
// set when live sync runs over it. NATSCredentials and NATSCA are paths of files that the
// daemon reads; there is a NATSUser or there are NATSCredentials, or neither.
type NATS struct {
	NATSURLs         []string
	NATSCredentials  string
	NATSUser         string
	NATSPassword     string
	NATSPasswordFile string // path; if not empty, NATSPassword is read from it
	NATSCA           string
	NATSSubject      string
}

// OverNATS has live sync run over NATS servers.
const OverNATS TransportName = "nats"

var natsCarrier = carrier{
	name: OverNATS,
	heading: "transport = \"nats\": through NATS servers that run anyway, for many instances\n" +
		"and sites. Needs nats_urls, and how to log in:\n" +
		"\n" +
		"    transport          = \"nats\"\n" +
		"    nats_urls          = [\"tls://nats.example.org:4222\"]\n" +
		"    nats_user          = \"keeptrack\"\n" +
		"    nats_password_file = \"/etc/keeptrack/nats.password\"\n",
	keys: func(l *LiveSync) []key { return l.NATS.keys() },
	rules: []rule{
		{
			[]string{"livesync.nats_urls"},
			func(c *Config) bool { return len(c.LiveSync.NATSURLs) > 0 },
			`is required because livesync.enabled is true and livesync.transport is "nats"`,
		},
		{
			[]string{"livesync.nats_user", "livesync.nats_credentials"},
			func(c *Config) bool { return c.LiveSync.NATSUser == "" || c.LiveSync.NATSCredentials == "" },
			"must be empty, or livesync.nats_credentials",
		},
		{
			[]string{"livesync.nats_user", "livesync.nats_password", "livesync.nats_password_file"},
			func(c *Config) bool { return (c.LiveSync.NATSUser != "") == c.LiveSync.hasPassword() },
			"and a password (livesync.nats_password or livesync.nats_password_file) need each other",
		},
	},
}

// natsCautions are those of live sync over NATS servers.
var natsCautions = []rule{
	{
		[]string{"livesync.nats_urls"},
		func(c *Config) bool { return !c.LiveSync.overNATS() || c.LiveSync.isPrivate() },
		"without tls:// or livesync.nats_ca, what is sent to a server on another host, a password included, can be read on the way",
	},
	{
		[]string{"livesync.key_file"},
		func(c *Config) bool {
			l := &c.LiveSync
			return !l.overNATS() || l.KeyFile != "" || l.NATSUser != "" || l.NATSCredentials != ""
		},
		"is empty, as are livesync.nats_user and livesync.nats_credentials: whoever reaches the NATS server can change peers and counts",
	},
}

func (n *NATS) keys() []key {
	return []key{
		declare("nats_urls", &n.NATSURLs, nil, listOf(natsURL),
			"The servers of this site, of which one is enough: nats://HOST:PORT, or\n"+
				"tls://HOST:PORT, which requires TLS with all of them."),
		declare("nats_credentials", &n.NATSCredentials, "", text,
			"Credentials file of a NATS user (JWT and seed), instead of nats_user. Other\n"+
				"users of the host must not be able to read it."),
		declare("nats_user", &n.NATSUser, "", text,
			"User to log in as, with a password. Empty, without nats_credentials: no login."),
		declare("nats_password", &n.NATSPassword, "", text,
			"Password of nats_user.").asSecretOr("nats_password_file", &n.NATSPasswordFile),
		declare("nats_password_file", &n.NATSPasswordFile, "", text,
			"File with the password, instead of nats_password."),
		declare("nats_ca", &n.NATSCA, "", text,
			"File with the certificates (PEM) that sign those of the servers; requires TLS.\n"+
				"Empty: those of the system."),
		declare("nats_subject", &n.NATSSubject, "keeptrack", natsSubject,
			"What the group's subjects begin with; the same on all instances of a group.\n"+
				"Packets are published to SUBJECT.all and to SUBJECT.NAME of one instance."),
	}
}

// overNATS reports whether live sync runs over NATS servers.
func (l *LiveSync) overNATS() bool { return l.Enabled && l.Transport == OverNATS }

// hasPassword reports whether there is a password, here or in a file.
func (n *NATS) hasPassword() bool { return n.NATSPassword != "" || n.NATSPasswordFile != "" }

// isPrivate reports whether nobody on the way to a server can read what goes there.
func (n *NATS) isPrivate() bool {
	remote := false
	for _, server := range n.NATSURLs {
		u, err := url.Parse(server)
		if err != nil || u.Scheme == "tls" { // CheckURL has passed it, so that there is no error
			return err == nil
		}
		a, err := netip.ParseAddr(u.Hostname())
		remote = remote || u.Hostname() != "localhost" && (err != nil || !a.IsLoopback())
	}
	return !remote || n.NATSCA != ""
}

var (
	natsURL     = checkedText(`the URL of a NATS server such as "nats://192.0.2.7:4222"`, nats.CheckURL)
	natsSubject = checkedText(`a NATS subject such as "keeptrack" or "site.keeptrack"`, nats.CheckSubject)
)

// checkedText is a string that check returns nil for.
func checkedText(want string, check func(string) error) kind[string] {
	return kind[string]{
		decode: func(value any) (string, error) {
			s, err := stringOf(want, value)
			if err == nil {
				err = check(s)
			}
			return s, err
		},
		encode: text.encode,
	}
}
