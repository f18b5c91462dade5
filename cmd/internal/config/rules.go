package config

import (
	"fmt"
	"slices"

	"keeptrack/tracker"
)

// rule is a condition on several keys. The first of them is the one to blame.
type rule struct {
	keys    []string
	holds   func(*Config) bool
	message string
}

// rules are the conditions without which a config is refused.
var rules = []rule{
	{
		[]string{"admin.token", "admin.token_file", "admin.listen"},
		func(c *Config) bool {
			return c.Admin.Token != "" || c.Admin.TokenFile != "" || c.Admin.Listen == (Endpoint{}) || c.Admin.Listen.IsLocal()
		},
		"is required because admin.listen is not a loopback address or a unix socket",
	},
	{
		[]string{"admin.token", "admin.token_file", "admin.read_token", "admin.read_token_file"},
		func(c *Config) bool {
			a := &c.Admin
			return a.Token != "" || a.TokenFile != "" || a.ReadToken == "" && a.ReadTokenFile == ""
		},
		"is required because there is an admin.read_token",
	},
	sameTokens,
	{
		[]string{"admin.listen", "http.listen"},
		func(c *Config) bool { return !slices.ContainsFunc(c.HTTP.Listen, c.Admin.Listen.clashes) },
		"is taken by http.listen",
	},
	{
		[]string{"access.file", "access.mode"},
		func(c *Config) bool { return c.Access.Mode != tracker.AccessAllow || c.Access.File != "" },
		`is required because access.mode is "allow"`,
	},
	{
		[]string{"livesync.max_payload", "livesync.key_file"},
		func(c *Config) bool {
			l := &c.LiveSync
			return l.KeyFile == "" || l.MaxPayload == 0 || l.MaxPayload >= smallestSealed
		},
		fmt.Sprintf("must be %d or more because livesync.key_file is set", smallestSealed),
	},
}

// sameTokens is checked once more when tokens have been read from files.
var sameTokens = rule{
	[]string{"admin.read_token", "admin.token"},
	func(c *Config) bool { return c.Admin.ReadToken == "" || c.Admin.ReadToken != c.Admin.Token },
	"must differ from admin.token: it is for those who may only read",
}

// cautions are the conditions without which a config works, but hardly as the
// operator wants it.
var cautions = []rule{
	{
		[]string{"tracker.default_numwant", "tracker.max_numwant"},
		func(c *Config) bool { return c.Tracker.DefaultNumWant <= c.Tracker.MaxNumWant },
		"is above tracker.max_numwant: clients get no more than that",
	},
	{
		[]string{"tracker.announce_interval", "tracker.interval_jitter"},
		func(c *Config) bool {
			return c.Tracker.AnnounceInterval < tracker.ShortestInterval ||
				c.Tracker.AnnounceInterval-c.Tracker.IntervalJitter >= tracker.ShortestInterval &&
					c.Tracker.AnnounceInterval+c.Tracker.IntervalJitter <= tracker.LongestInterval
		},
		`is not within "5m" to "3h" if tracker.interval_jitter is added or subtracted: clients are told a time within`,
	},
	{
		[]string{"tracker.announce_interval"},
		func(c *Config) bool { return c.Tracker.AnnounceInterval >= tracker.ShortestInterval },
		`is shorter than "5m": public lists refuse the tracker, and each client costs more`,
	},
	{
		[]string{"tracker.announce_interval", "tracker.interval_jitter"},
		func(c *Config) bool {
			return c.Tracker.AnnounceInterval >= tracker.ShortestInterval ||
				c.Tracker.AnnounceInterval-c.Tracker.IntervalJitter >= tracker.LeastInterval
		},
		`is below "1m" if tracker.interval_jitter is subtracted: clients are told at least "1m"`,
	},
	{
		[]string{"tracker.min_announce_interval", "tracker.announce_interval", "tracker.interval_jitter"},
		func(c *Config) bool {
			return c.Tracker.MinAnnounceInterval <= c.Tracker.AnnounceInterval-c.Tracker.IntervalJitter
		},
		"is longer than tracker.announce_interval less tracker.interval_jitter: clients are told the shorter of both",
	},
	{
		[]string{"tracker.peer_timeout"},
		func(c *Config) bool {
			return c.Tracker.PeerTimeout > c.Tracker.AnnounceInterval+c.Tracker.IntervalJitter
		},
		"is not longer than the announce interval with its jitter: peers are forgotten between their announces",
	},
	{
		[]string{"store.peers_interval", "tracker.peer_timeout"},
		func(c *Config) bool {
			return !c.Store.KeepPeers || c.Store.PeersInterval < c.Tracker.PeerTimeout
		},
		"is not shorter than tracker.peer_timeout: after a crash the peers have timed out",
	},
	{
		[]string{"udp.listen"},
		func(c *Config) bool { return len(c.UDP.Listen)+len(c.HTTP.Listen)+len(c.HTTPS.Listen) > 0 },
		"is empty, as are http.listen and https.listen: no client can reach the tracker",
	},
	{
		[]string{"http.page", "http.redirect_url"},
		func(c *Config) bool { return !c.HTTP.Page || c.HTTP.RedirectURL == "" },
		"is not used because http.redirect_url sends browsers elsewhere",
	},
	{
		[]string{"http.contact", "http.page"},
		func(c *Config) bool { return c.HTTP.Contact == "" || c.HTTP.Page },
		"is not used because http.page is false",
	},
	{
		[]string{"http.client_address_header"},
		func(c *Config) bool {
			return c.HTTP.ClientAddressHeader == defaultClientHeader || len(c.HTTP.TrustedProxies) > 0 ||
				slices.ContainsFunc(slices.Concat(c.HTTP.Listen, c.HTTPS.Listen), func(e Endpoint) bool { return e.Unix != "" })
		},
		"is not used because http.trusted_proxies is empty and neither http.listen nor https.listen has a unix socket",
	},
	{
		[]string{"http.trusted_proxies"},
		func(c *Config) bool { return !coversAll(c.HTTP.TrustedProxies, public4) },
		"covers every public IPv4 address: every client can announce any address",
	},
	{
		[]string{"http.trusted_proxies"},
		func(c *Config) bool { return !coversAll(c.HTTP.TrustedProxies, public6) },
		"covers every public IPv6 address: every client can announce any address",
	},
	{
		[]string{"access.file"},
		func(c *Config) bool { return c.Access.File == "" || c.Access.Mode != tracker.AccessOpen },
		`is not used because access.mode is "open"`,
	},
	{
		[]string{"admin.token"},
		func(c *Config) bool {
			return c.Admin.Token == "" || len(c.Admin.Token) >= 16 || c.Admin.Listen.IsLocal()
		},
		"is shorter than 16 characters and can be guessed: guesses are not slowed down",
	},
	{
		[]string{"livesync.accept_plain"},
		func(c *Config) bool { return !c.LiveSync.AcceptPlain || c.LiveSync.KeyFile != "" },
		"is not used because livesync.key_file is empty",
	},
}

// Warnings returns what is allowed but hardly wanted, a line each, beginning
// with table.key.
func (c *Config) Warnings() []string {
	var warnings []string
	for _, r := range slices.Concat(cautions, httpsCautions, natsCautions) {
		if !r.holds(c) {
			warnings = append(warnings, r.keys[0]+": "+r.message)
		}
	}
	return append(warnings, c.LiveSync.unused()...)
}
