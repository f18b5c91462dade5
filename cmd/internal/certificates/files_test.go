package certificates

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

// pair is a certificate and its key in files.
type pair struct{ certificate, key string }

// newPair writes the pair with a serial number, for a name.
func newPair(t *testing.T, dir string, serial int64, lifetime time.Duration) pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{"a.example"}, NotAfter: time.Now().Add(lifetime)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	p := pair{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
	put(t, p.certificate, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	put(t, p.key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	return p
}

// put puts a file in place in one step.
func put(t *testing.T, path, text string) {
	t.Helper()
	err := os.WriteFile(path+".new", []byte(text), 0o600)
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// serial returns the serial number of the certificate that is served.
func serial(t *testing.T, s Source) int64 {
	t.Helper()
	c, err := s.TLS().GetCertificate(&tls.ClientHelloInfo{ServerName: "any.example"})
	if err != nil {
		t.Fatal(err)
	}
	return c.Leaf.SerialNumber.Int64()
}

// TestFilesThatChange: new ones are in force after a moment, however they are written; what
// cannot be used is said and counted once, and the old certificate stays.
func TestFilesThatChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, other := t.TempDir(), t.TempDir()
		at := newPair(t, dir, 1, time.Hour)
		p, err := ReadFiles(at.certificate, at.key)
		if err != nil {
			t.Fatal(err)
		}
		var logged bytes.Buffer
		f := NewFiles(at.certificate, at.key, p, zerolog.New(&logged))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- f.Run(ctx) }()
		wait := func(wantSerial int64, wantFailures uint64) {
			t.Helper()
			time.Sleep(3 * lookInterval)
			synctest.Wait()
			if got := serial(t, f); got != wantSerial || f.Failures() != wantFailures {
				t.Errorf("serves %d with %d failures, want %d and %d: %s", got, f.Failures(), wantSerial, wantFailures, &logged)
			}
		}
		wait(1, 0)
		newPair(t, dir, 2, time.Hour)
		wait(2, 0)
		next := newPair(t, other, 3, time.Hour)
		for _, c := range []struct{ from, to string }{{next.certificate, at.certificate}, {next.key, at.key}} {
			if err := os.Rename(c.from, c.to); err != nil {
				t.Fatal(err)
			}
			if c.to == at.certificate {
				wait(2, 1) // the key is still the old one's
			}
		}
		wait(3, 1)
		if err := os.Remove(at.key); err != nil {
			t.Fatal(err)
		}
		wait(3, 2)
		newPair(t, dir, 4, -time.Minute)
		wait(4, 2)
		newPair(t, dir, 5, time.Hour)
		becomesUsable(t, at.certificate, func() { wait(4, 3) })
		wait(5, 3)
		if text := logged.String(); strings.Count(text, "the old one stays in force") != 3 || strings.Count(text, "certificate replaced") != 4 || strings.Count(text, "has expired, at ") != 1 || strings.Count(text, "expires soon, at ") != 4 {
			t.Errorf("logged %s", text)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// becomesUsable makes a file useless while something is done, and leaves it looking as it
// did then, as a file does that becomes readable.
func becomesUsable(t *testing.T, path string, do func()) {
	t.Helper()
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	then := time.Now()
	for _, text := range [][]byte{bytes.Repeat([]byte("x"), len(good)), good} {
		err := os.WriteFile(path, text, 0o600)
		if err == nil {
			err = os.Chtimes(path, then, then)
		}
		if err != nil {
			t.Fatal(err)
		}
		if text[0] == 'x' {
			do()
		}
	}
}

func TestFilesExpiry(t *testing.T) {
	at := newPair(t, t.TempDir(), 1, time.Hour)
	p, err := ReadFiles(at.certificate, at.key)
	if err != nil {
		t.Fatal(err)
	}
	longer := newPair(t, t.TempDir(), 2, 15*24*time.Hour)
	if q, err := ReadFiles(longer.certificate, longer.key); err != nil || q.Warning() != "" {
		t.Errorf("of 15 days: %v, %v", q, err)
	}
	f := NewFiles(at.certificate, at.key, p, zerolog.Nop())
	if got := time.Until(f.Expiries()["a.example"]); got < 59*time.Minute || got > time.Hour {
		t.Errorf("expires in %v: %v", got, f.Expiries())
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	at, other := newPair(t, t.TempDir(), 1, time.Hour), newPair(t, t.TempDir(), 2, time.Hour)
	dir := t.TempDir()
	long := filepath.Join(dir, "long")
	put(t, long, strings.Repeat("secret", maxFile))
	for _, c := range []struct{ name, certificate, key, want string }{
		{"missing certificate", filepath.Join(dir, "none"), at.key, "https.certificate: open "},
		{"missing key", at.certificate, filepath.Join(dir, "none"), "https.key: open "},
		{"folder", dir, at.key, "is a directory or a pipe"},
		{"longer than any", at.certificate, long, "https.key: " + long + ": is longer than"},
		{"key of another", at.certificate, other.key, "private key does not match public key"},
		{"key as a certificate", at.key, at.key, "https.certificate: " + at.key},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ReadFiles(c.certificate, c.key)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
