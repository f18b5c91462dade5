package config

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// HTTPS is the table [https]. An empty Listen turns HTTPS off. There are a Certificate and
// a Key, which are paths, or ACMEDomains.
type HTTPS struct {
	Listen         []Endpoint
	Certificate    string
	Key            string
	MaxConnections int
	ACMEDomains    []string // in lower case
	ACMEEmail      string
	ACMEDirectory  string // URL; empty: Let's Encrypt's
	ACMEListen     []netip.AddrPort
}

func (h *HTTPS) keys() []key {
	return []key{
		declare("listen", &h.Listen, nil, listOf(endpoint),
			"Addresses to listen on, as http.listen. Empty: no HTTPS. The keys of http for\n"+
				"proxies, redirects and limits of an address apply here too."),
		declare("certificate", &h.Certificate, "", text,
			"File with the certificate and its chain (PEM). It and the key are read again\n"+
				"on SIGHUP and when they change."),
		declare("key", &h.Key, "", text,
			"File with the certificate's key (PEM), readable by the daemon's user only."),
		declare("max_connections", &h.MaxConnections, 4000, integer(1, 1_000_000),
			"How many connections may be open at the same time, besides those of HTTP. Each\n"+
				"takes about 30 KiB."),
		declare("acme_domains", &h.ACMEDomains, nil, atMost(100, listOf(domain)),
			"Names to get certificates for from Let's Encrypt, instead of certificate and\n"+
				"key. The authority connects to port 443 of each name, which must lead to\n"+
				"listen, or to port 80, which must lead to acme_listen. Certificates are kept\n"+
				"beside the database, in PATH.acme. By setting this you agree to the terms of\n"+
				"the authority."),
		declare("acme_email", &h.ACMEEmail, "", emptyOr(email),
			"The e-mail address that the authority can write to."),
		declare("acme_directory", &h.ACMEDirectory, "", emptyOr(directory),
			"URL of the directory of another authority that speaks ACME (RFC 8555)."),
		declare("acme_listen", &h.ACMEListen, everyAddress(80), listOf(addrPort),
			"Addresses that answer the authority over HTTP, with acme_domains. Empty: port\n"+
				"443 must lead to listen."),
	}
}

// httpsRules are the conditions without which HTTPS is refused.
var httpsRules = []rule{
	{
		[]string{"https.certificate", "https.acme_domains", "https.listen"},
		func(c *Config) bool {
			return len(c.HTTPS.Listen) == 0 || c.HTTPS.Certificate != "" || len(c.HTTPS.ACMEDomains) > 0
		},
		"and https.key, or https.acme_domains, are required because of https.listen",
	},
	{
		[]string{"https.certificate", "https.key"},
		func(c *Config) bool { return (c.HTTPS.Certificate == "") == (c.HTTPS.Key == "") },
		"and https.key need each other",
	},
	{
		[]string{"https.acme_domains", "https.certificate"},
		func(c *Config) bool { return c.HTTPS.Certificate == "" || len(c.HTTPS.ACMEDomains) == 0 },
		"must be empty, or https.certificate",
	},
	{
		[]string{"https.listen", "http.listen"},
		func(c *Config) bool { return !anyClash(c.HTTPS.Listen, c.HTTP.Listen) },
		"is taken by http.listen",
	},
	{
		[]string{"https.listen", "admin.listen"},
		func(c *Config) bool { return !slices.ContainsFunc(c.HTTPS.Listen, c.Admin.Listen.clashes) },
		"is taken by admin.listen",
	},
	{
		[]string{"https.acme_listen", "http.listen", "https.listen", "admin.listen"},
		func(c *Config) bool {
			others := slices.Concat(c.HTTP.Listen, c.HTTPS.Listen, []Endpoint{c.Admin.Listen})
			return !c.HTTPS.UsesACME() || !anyClash(OverTCP(c.HTTPS.ACMEListen), others)
		},
		"is taken by another listen: if you empty it, port 443 must lead to https.listen",
	},
}

// httpsCautions are those of HTTPS.
var httpsCautions = []rule{
	{
		[]string{"https.certificate", "https.listen"},
		func(c *Config) bool { return c.HTTPS.Certificate == "" || len(c.HTTPS.Listen) > 0 },
		"is not used because https.listen is empty",
	},
	{
		[]string{"https.acme_domains", "https.listen"},
		func(c *Config) bool { return len(c.HTTPS.ACMEDomains) == 0 || len(c.HTTPS.Listen) > 0 },
		"is not used because https.listen is empty",
	},
}

// UsesACME reports whether certificates come from an authority by themselves.
func (h *HTTPS) UsesACME() bool { return len(h.Listen) > 0 && len(h.ACMEDomains) > 0 }

// anyClash reports whether two lists have endpoints that cannot be listened on at a time.
func anyClash(a, b []Endpoint) bool {
	return slices.ContainsFunc(a, func(e Endpoint) bool { return slices.ContainsFunc(b, e.clashes) })
}

const (
	emailForm     = `an address such as "admin@example.org"`
	directoryForm = `a URL such as "https://acme.example.org/directory"`
)

var (
	// domain is the name of a host, in lower case.
	domain = kind[string]{decode: decodeDomain, encode: text.encode}
	// email is an address for mail.
	email = checkedText(emailForm, func(s string) error {
		if !emailSyntax.MatchString(s) {
			return wrong(emailForm, s)
		}
		return nil
	})
	// directory is the URL of an ACME directory.
	directory = checkedText(directoryForm, func(s string) error {
		if u, err := url.Parse(s); err != nil || u.Scheme != "https" || u.Host == "" {
			return wrong(directoryForm, s)
		}
		return nil
	})

	domainSyntax = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`)
	emailSyntax  = regexp.MustCompile(`^[!-?A-~]+@[!-?A-~]+$`)
)

func decodeDomain(value any) (string, error) {
	const want = `a name such as "tracker.example.org"; those with letters beyond ASCII begin with xn--`
	s, err := stringOf(want, value)
	if err != nil {
		return "", err
	}
	if s = strings.ToLower(s); len(s) > 253 || !domainSyntax.MatchString(s) {
		return "", wrong(want, value)
	}
	return s, nil
}
