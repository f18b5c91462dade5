package certificates

import (
	"cmp"
	"context"
	"crypto/tls"
	"log"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/rs/zerolog"
	"golang.org/x/net/netutil"
	"golang.org/x/sync/errgroup"
)

// protocolChallenge is what an authority asks for that connects over TLS (RFC 8737).
const protocolChallenge = "acme-tls/1"

// Of the listeners for challenges.
const (
	maxChallengers = 256             // connections at a time
	challengeTime  = 5 * time.Second // for a request, and for its answer
)

// ACMEOptions are the settings of an ACME.
type ACMEOptions struct {
	Domains   []string // the first is for clients that ask for no name
	Email     string
	Directory string // URL; empty: Let's Encrypt's
	// Folder is where certificates, keys and the account are kept. It is made if it is
	// missing.
	Folder string
	// Listeners are where the authority is answered over HTTP. They are the ACME's to
	// close.
	Listeners []net.Listener
	// TLS are the front end's listeners, where the authority is answered as well.
	TLS     []net.Listener
	Version string // of the program, for the authority
	Log     zerolog.Logger
	// ErrorLog is for the server of Listeners.
	ErrorLog *log.Logger
}

// ACME gets certificates from an authority, and renews them in time.
type ACME struct {
	opts     ACMEOptions
	magic    *certmagic.Config
	cache    *certmagic.Cache
	issuer   *certmagic.ACMEIssuer
	failures atomic.Uint64
}

// NewACME returns an ACME with the certificates that it has got before. It is ready to
// run.
func NewACME(o ACMEOptions) *ACME {
	a := &ACME{opts: o}
	logger := zapLogger(o.Log)
	a.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return a.magic, nil },
		Logger:           logger,
	})
	a.magic = certmagic.New(a.cache, certmagic.Config{
		Storage:           &certmagic.FileStorage{Path: o.Folder},
		DefaultServerName: o.Domains[0],
		OCSP:              certmagic.OCSPConfig{DisableStapling: true}, // a request to a third party for each certificate
		OnEvent:           a.note,
		Logger:            logger,
	})
	at := solve(o)
	directory := o.Directory
	if directory == "" {
		directory = certmagic.LetsEncryptProductionCA
	}
	certmagic.UserAgent = "keeptrack/" + o.Version
	a.issuer = certmagic.NewACMEIssuer(a.magic, certmagic.ACMEIssuer{
		CA:                      directory,
		Email:                   o.Email,
		Agreed:                  true,
		DisableHTTPChallenge:    at.http == 0,
		DisableTLSALPNChallenge: at.tls == 0,
		ListenHost:              at.host,
		AltHTTPPort:             at.http,
		AltTLSALPNPort:          at.tls,
		// This process answers, through Listeners and the front end.
		DisableDistributedSolvers: true,
		Logger:                    logger,
	})
	a.magic.Issuers = []certmagic.Issuer{a.issuer}
	for _, name := range o.Domains { // what is there serves from the first moment; Run gets the rest
		_, _ = a.magic.CacheManagedCertificate(context.Background(), name)
	}
	return a
}

// note counts failures and logs what was got.
func (a *ACME) note(_ context.Context, event string, data map[string]any) error {
	switch event {
	case "cert_failed":
		a.failures.Add(1)
	case "cert_obtained":
		name, _ := data["identifier"].(string)
		a.opts.Log.Info().Str("name", name).Msg("https: certificate obtained")
	}
	return nil
}

// Run gets and renews certificates until ctx is done.
func (a *ACME) Run(ctx context.Context) error {
	defer a.cache.Stop()
	group, ctx := errgroup.WithContext(ctx)
	server := &http.Server{
		Handler:        a.issuer.HTTPChallengeHandler(http.NotFoundHandler()),
		ReadTimeout:    challengeTime,
		WriteTimeout:   challengeTime,
		MaxHeaderBytes: 4 << 10,
		ErrorLog:       a.opts.ErrorLog,
	}
	server.SetKeepAlivesEnabled(false)
	for _, l := range a.opts.Listeners {
		group.Go(func() error {
			if err := server.Serve(netutil.LimitListener(l, maxChallengers)); ctx.Err() == nil {
				return err
			}
			return nil
		})
	}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	group.Go(func() error {
		// What fails is tried again, and logged.
		if err := a.magic.ManageAsync(ctx, a.opts.Domains); err != nil && ctx.Err() == nil {
			return err
		}
		<-ctx.Done()
		return nil
	})
	return group.Wait()
}

// TLS returns a config with the certificate of the name that a client asks for.
func (a *ACME) TLS() *tls.Config {
	return &tls.Config{GetCertificate: a.magic.GetCertificate, NextProtos: []string{protocolChallenge}}
}

// Expiries returns when the certificate of each domain ends.
func (a *ACME) Expiries() map[string]time.Time {
	expiries := map[string]time.Time{}
	for _, name := range a.opts.Domains {
		expiries[name] = time.Time{}
		for _, c := range a.cache.AllMatchingCertificates(name) {
			if c.Leaf != nil && c.Leaf.NotAfter.After(expiries[name]) {
				expiries[name] = c.Leaf.NotAfter
			}
		}
	}
	return expiries
}

// Failures returns how often the authority gave no certificate.
func (a *ACME) Failures() uint64 { return a.failures.Load() }

// solvers are where certmagic finds that challenges are answered already, on one host. A
// port of 0 stands for a challenge that is not used.
type solvers struct {
	host      string // empty: any
	http, tls int
}

// solve returns where challenges are answered: over TLS, and over HTTP as well if one
// host has both.
func solve(o ACMEOptions) (at solvers) {
	for _, l := range o.TLS {
		host, port, ok := whereIs(l)
		if !ok {
			continue // a unix socket, where a proxy has TLS of its own
		}
		at = solvers{host, 0, port}
		for _, l := range o.Listeners {
			if host, port, _ := whereIs(l); host == at.host || host == "" || at.host == "" {
				return solvers{cmp.Or(host, at.host), port, at.tls}
			}
		}
	}
	if at.tls == 0 && len(o.Listeners) > 0 {
		at.host, at.http, _ = whereIs(o.Listeners[0])
	}
	return at
}

// whereIs returns the host, empty for a wildcard address, and port of a listener for TCP.
func whereIs(l net.Listener) (host string, port int, ok bool) {
	tcp, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return "", 0, false
	}
	if !tcp.IP.IsUnspecified() {
		host = tcp.AddrPort().Addr().Unmap().String()
	}
	return host, tcp.Port, true
}
