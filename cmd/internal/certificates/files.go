package certificates

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/cmd/internal/config"
)

// lookInterval is how often the files are looked at.
const lookInterval = 10 * time.Second

// soon is how long before its end a certificate is warned of. The longest-lived are renewed
// a month before.
const soon = 14 * 24 * time.Hour

// maxFile is the number of bytes from which on a file is refused.
const maxFile = 1 << 20

var errLength = fmt.Errorf("is longer than %d bytes", maxFile)

// Files are a certificate and its key in two files, which are read again when they
// change.
type Files struct {
	certificate, key string // paths
	log              zerolog.Logger
	current          atomic.Pointer[Pair]
	failures         atomic.Uint64
}

// Pair is what the files held when they were read.
type Pair struct {
	certificate tls.Certificate
	seen        [2]os.FileInfo
}

// ReadFiles reads a certificate and its key. The error names the config's key and the
// file at fault, and nothing of what that holds.
func ReadFiles(certificate, key string) (*Pair, error) {
	p := new(Pair)
	pem, info, err := read(certificate)
	if err != nil {
		return nil, fmt.Errorf("https.certificate: %w", err)
	}
	secret, secretInfo, err := read(key)
	if err != nil {
		return nil, fmt.Errorf("https.key: %w", err)
	}
	p.seen = [2]os.FileInfo{info, secretInfo}
	if p.certificate, err = tls.X509KeyPair(pem, secret); err != nil {
		return nil, fmt.Errorf("https.certificate: %s with %s: %w", certificate, key, err)
	}
	return p, nil
}

// Warning returns what is soon to be wrong with the certificate, empty if nothing is.
func (p *Pair) Warning() string {
	expiry := p.certificate.Leaf.NotAfter
	switch left := time.Until(expiry); {
	case left <= 0:
		return "has expired, at " + expiry.UTC().Format(time.RFC3339)
	case left < soon:
		return "expires soon, at " + expiry.UTC().Format(time.RFC3339)
	}
	return ""
}

// read returns what a file holds, and what it was.
func read(path string) ([]byte, os.FileInfo, error) {
	f, info, err := config.OpenFile(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close() // nothing was written to it
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("%s: %w", path, errLength)
	}
	return b, info, err
}

// NewFiles returns the certificate that was read from files.
func NewFiles(certificate, key string, p *Pair, log zerolog.Logger) *Files {
	f := &Files{certificate: certificate, key: key, log: log}
	f.Set(p)
	return f
}

// Read reads the files again and changes nothing.
func (f *Files) Read() (*Pair, error) { return ReadFiles(f.certificate, f.key) }

// Set puts in force what Read has returned. Connections that are open keep theirs.
func (f *Files) Set(p *Pair) {
	old := f.current.Swap(p)
	leaf := p.certificate.Leaf
	if warning := p.Warning(); warning != "" {
		f.log.Warn().Str("certificate", f.certificate).Msg("https: the certificate " + warning)
	}
	if old != nil && !old.certificate.Leaf.Equal(leaf) {
		f.log.Info().Str("certificate", f.certificate).Str("name", nameOf(leaf)).Time("expires", leaf.NotAfter).Msg("https: certificate replaced")
	}
}

// Run reads the files again whenever they change, until ctx is done. What cannot be used
// leaves the old certificate in force, since they may be written one after the other, and
// is tried again at every look: files do not change when they become readable.
func (f *Files) Run(ctx context.Context) error {
	looking := time.NewTicker(lookInterval)
	defer looking.Stop()
	told := f.current.Load().seen // the last that were tried: their failure is known
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-looking.C:
		}
		now, err := f.look()
		if err == nil && same(now, f.current.Load().seen) {
			told = now
			continue
		}
		if err == nil {
			err = f.readAgain()
		}
		if err != nil && !same(now, told) {
			f.failures.Add(1)
			f.log.Warn().Err(err).Msg("https: a changed certificate cannot be used: the old one stays in force")
		}
		told = now
	}
}

// look returns what the files are now.
func (f *Files) look() (now [2]os.FileInfo, err error) {
	for i, path := range [...]string{f.certificate, f.key} {
		info, statErr := os.Stat(path)
		now[i], err = info, cmp.Or(err, statErr)
	}
	return now, err
}

func (f *Files) readAgain() error {
	p, err := f.Read()
	if err == nil {
		f.Set(p)
	}
	return err
}

// same reports whether files are what they were.
func same(a, b [2]os.FileInfo) bool {
	for i := range a {
		if a[i] == nil || b[i] == nil {
			if a[i] != b[i] {
				return false
			}
			continue
		}
		if !os.SameFile(a[i], b[i]) || a[i].Size() != b[i].Size() || !a[i].ModTime().Equal(b[i].ModTime()) {
			return false
		}
	}
	return true
}

// TLS returns a config with the certificate in force, whatever name a client asks for.
func (f *Files) TLS() *tls.Config {
	return &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		return &f.current.Load().certificate, nil
	}}
}

// Expiries returns when the certificate ends.
func (f *Files) Expiries() map[string]time.Time {
	leaf := f.current.Load().certificate.Leaf
	return map[string]time.Time{nameOf(leaf): leaf.NotAfter}
}

// Failures returns how often changed files could not be used.
func (f *Files) Failures() uint64 { return f.failures.Load() }

// nameOf returns the first name that a certificate is for.
func nameOf(leaf *x509.Certificate) string {
	if len(leaf.DNSNames) > 0 {
		return leaf.DNSNames[0]
	}
	if len(leaf.IPAddresses) > 0 {
		return leaf.IPAddresses[0].String()
	}
	return leaf.Subject.CommonName
}
