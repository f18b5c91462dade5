// Package nats carries live sync's packets through NATS servers, which an operator
// runs anyway: they fan out, authenticate, and join sites by gateways or leaf nodes.
//
// A packet for all is published to SUBJECT.all, one for a member to SUBJECT.NAME. The
// name is drawn at each start; a sender gives its own as the reply subject. Nothing is
// kept while there is no connection.
package nats

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/rs/zerolog"

	"keeptrack/livesync/transport"
)

// MaxPacket is the size of the largest packet in bytes, the same as over multicast. NATS
// would carry a megabyte; but live sync's bounds and paces are in packets of this size,
// and packets of peers leave after a second, mostly before they are full.
const MaxPacket = 1472

// ReorderWindow bounds how much later a packet of one sender arrives than one that
// another sender sent afterwards. Packets of one sender stay in order. Those of others
// come over other connections, and a lost TCP segment holds a connection up: after a
// second, it has been sent again twice.
const ReorderWindow = time.Second

// Options say which servers carry a group's packets.
type Options struct {
	// URLs are the servers, any one of which is enough: nats://HOST:PORT or
	// tls://HOST:PORT. One with tls insists on TLS with all.
	URLs []string
	// Subject is what the group's subjects begin with.
	Subject string
	// Host begins the name under which this instance is answered, for people.
	Host string
	// Credentials is the text of a credentials file, with a user's JWT and its seed;
	// nil: none.
	Credentials []byte
	// User and Password log in where there are no Credentials; an empty User does not.
	User, Password string
	// CA has certificates in PEM that sign those of the servers, and insists on TLS;
	// nil stands for those of the system.
	CA []byte
	// MaxPacket is the largest packet to send in bytes, MaxPacket at most.
	MaxPacket int
	// Watch receives what anybody sends to anybody.
	Watch bool
	Log   zerolog.Logger
}

var (
	subjectSyntax = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

	errSubject   = errors.New("must be letters, digits, - and _, with single dots between")
	errScheme    = errors.New("must begin with nats:// or tls://")
	errUserInURL = errors.New("must not have a user or password")
	errURL       = errors.New("must be a scheme, a host and perhaps a port")
	errNoURLs    = errors.New("live sync: no NATS servers")
	errCA        = errors.New("has no certificate in PEM")
	errNoJWT     = errors.New("has no user JWT")
	errNoSeed    = errors.New("has no seed of a user")
)

// CheckSubject returns what is wrong with a subject for the group, or nil.
func CheckSubject(s string) error {
	if !subjectSyntax.MatchString(s) {
		return errSubject
	}
	return nil
}

// CheckURL returns what is wrong with the URL of a server, or nil. The error does not
// repeat the URL, which may have a password.
func CheckURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return errURL
	case u.Scheme != "nats" && u.Scheme != "tls":
		return errScheme
	case u.User != nil:
		return errUserInURL
	case u.Hostname() == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "":
		return errURL
	case u.Port() != "":
		if port, err := net.LookupPort("tcp", u.Port()); err != nil || port == 0 {
			return errURL
		}
	}
	return nil
}

// CheckCA returns what is wrong with the text of a file of CA certificates, or nil.
func CheckCA(pem []byte) error {
	if !x509.NewCertPool().AppendCertsFromPEM(pem) {
		return errCA
	}
	return nil
}

// CheckCredentials returns what is wrong with the text of a credentials file, or nil. The
// error repeats nothing of it.
func CheckCredentials(text []byte) error {
	_, _, err := parseCredentials(text)
	return err
}

// parseCredentials returns the JWT and the seed of a credentials file.
func parseCredentials(text []byte) (jwt, seed string, err error) {
	if jwt, err = nkeys.ParseDecoratedJWT(text); err != nil || strings.Count(jwt, ".") != 2 {
		return "", "", errNoJWT
	}
	pair, err := nkeys.ParseDecoratedUserNKey(text)
	if err != nil {
		return "", "", errNoSeed
	}
	defer pair.Wipe()
	b, err := pair.Seed()
	if err != nil {
		return "", "", errNoSeed
	}
	return jwt, string(b), nil
}

// validate checks the options and returns those of the client.
func (o *Options) validate() ([]client.Option, error) {
	var errs []error
	check := func(what string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("live sync: %s %w", what, err))
		}
	}
	if len(o.URLs) == 0 {
		errs = append(errs, errNoURLs)
	}
	for i, u := range o.URLs {
		check(fmt.Sprintf("URL %d of a NATS server", i+1), CheckURL(u))
	}
	if o.MaxPacket < 1 || o.MaxPacket > MaxPacket {
		errs = append(errs, fmt.Errorf("live sync: packets of %d bytes: not between 1 and %d", o.MaxPacket, MaxPacket))
	}
	check("the NATS subject", CheckSubject(o.Subject))
	auth, err := o.auth()
	check("the file with NATS credentials", err)
	if o.CA != nil {
		check("the CA file of NATS", CheckCA(o.CA))
	}
	return append(o.secure(), auth...), errors.Join(errs...)
}

// auth returns how the client logs in.
func (o *Options) auth() ([]client.Option, error) {
	switch {
	case o.Credentials != nil:
		jwt, seed, err := parseCredentials(o.Credentials)
		return []client.Option{client.UserJWTAndSeed(jwt, seed)}, err
	case o.User != "":
		return []client.Option{client.UserInfo(o.User, o.Password)}, nil
	}
	return nil, nil
}

// secure returns whether the client insists on TLS: with all servers as soon as with one.
func (o *Options) secure() []client.Option {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CA != nil {
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM(o.CA)
	} else if !slices.ContainsFunc(o.URLs, func(u string) bool { return strings.HasPrefix(u, "tls://") }) {
		return nil
	}
	return []client.Option{client.Secure(config)}
}

// New begins to connect and returns at once: a server that cannot be reached is tried
// again for as long as the transport is open.
func New(o Options) (transport.Transport, error) {
	opts, err := o.validate()
	if err != nil {
		return nil, err
	}
	return open(o, opts), nil
}
