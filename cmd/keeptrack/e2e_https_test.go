package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"keeptrack/tracker"
)

// authority signs certificates for tests.
type authority struct {
	t           *testing.T
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
	path        string // of the file with its certificate
	serial      int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, key: newKey(t), path: filepath.Join(t.TempDir(), "ca.pem")}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority of a test"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.write(a.path, "CERTIFICATE", der)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// write puts a file in place in one step.
func (a *authority) write(path, kind string, der []byte) {
	a.t.Helper()
	err := os.WriteFile(path+".new", pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		a.t.Fatal(err)
	}
}

// issue writes a certificate for a name and the loopback addresses, and its key, and
// returns when it ends.
func (a *authority) issue(certificate, key, name string, lifetime time.Duration) time.Time {
	a.t.Helper()
	a.serial++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1 + a.serial), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(lifetime).Truncate(time.Second),
	}
	secret := newKey(a.t)
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &secret.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	secretDER, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		a.t.Fatal(err)
	}
	a.write(certificate, "CERTIFICATE", der)
	a.write(key, "PRIVATE KEY", secretDER)
	return template.NotAfter
}

// settings returns a config for HTTPS with a certificate for a name.
func (a *authority) settings(name string) settings {
	a.t.Helper()
	dir := a.t.TempDir()
	certificate, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	a.issue(certificate, key, name, time.Hour)
	return settings{
		"https.listen": `["127.0.0.1:0"]`, "https.certificate": fmt.Sprintf("%q", certificate), "https.key": fmt.Sprintf("%q", key),
	}
}

// client returns one that trusts the authority alone, and speaks the version of HTTP
// that is wanted.
func (a *authority) client(version int) *http.Client {
	roots := x509.NewCertPool()
	roots.AddCert(a.certificate)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP1(version == 1)
	transport.Protocols.SetHTTP2(version == 2)
	a.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// fetched returns a reply's body; it has to be of a version of HTTP and well.
func fetched(client *http.Client, version int, url string) (body string, serial int64, err error) {
	resp, err := client.Get(url)
	if err != nil {
		return "", 0, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return "", 0, err
	case resp.StatusCode != http.StatusOK || resp.ProtoMajor != version:
		return "", 0, fmt.Errorf("%s over %s", resp.Status, resp.Proto)
	}
	if resp.TLS != nil {
		serial = resp.TLS.PeerCertificates[0].SerialNumber.Int64()
	}
	return string(b), serial, nil
}

// announcePath is an announce of a seeder without peers in the reply.
func announcePath(hash tracker.InfoHash, port int) string {
	return fmt.Sprintf("/announce?info_hash=%s&peer_id=-KT0001-%012d&port=%d&left=0&numwant=0", escaped(hash), port, port)
}

// TestHTTPS: announces over both versions of HTTP are in one swarm with those over UDP
// and HTTP, and counted by transport.
func TestHTTPS(t *testing.T) {
	a := newAuthority(t)
	d := start(t, testSettings(t.TempDir()).with(a.settings("localhost")))
	hash := hashOf("over TLS")
	for version, port := range map[int]int{1: 4001, 2: 4002} {
		if _, _, err := fetched(a.client(version), version, "https://"+d.https4+announcePath(hash, port)); err != nil {
			t.Errorf("HTTP/%d: %v", version, err)
		}
	}
	for name, url := range d.urls() {
		if n := scrapeOf(t, url, hash)[0].Seeders; n != 2 {
			t.Errorf("%s: %d seeders", name, n)
		}
	}
	if answer := speak(t, d.https4, "GET /announce HTTP/1.1\r\n\r\n"); !strings.Contains(answer, "this port speaks HTTPS") {
		t.Errorf("HTTP is answered with %q", answer)
	}
	after := d.metrics()
	for name, want := range map[string]float64{
		`keeptrack_requests_total{action="announce",family="ipv4",result="ok",transport="https"}`: 2,
		`keeptrack_requests_total{action="announce",family="ipv4",result="ok",transport="http"}`:  0,
		`keeptrack_https_handshakes_total`:                           2,
		`keeptrack_https_handshake_failures_total{reason="not_tls"}`: 1,
	} {
		if after[name] != want {
			t.Errorf("%s is %g, want %g", name, after[name], want)
		}
	}
	d.stop()
}

// TestCertificateIsReplacedUnderLoad: no request fails, over connections that are kept
// and over new ones, and new ones get the new certificate. One that cannot be used is
// refused on a reload.
func TestCertificateIsReplacedUnderLoad(t *testing.T) {
	a := newAuthority(t)
	s := a.settings("localhost")
	d := start(t, testSettings(t.TempDir()).with(s))
	certificate, key := strings.Trim(s["https.certificate"], `"`), strings.Trim(s["https.key"], `"`)
	ctx, cancel := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	var mu sync.Mutex
	requests, served := 0, map[int64]int{} // by serial number
	var failed []error
	for i := range 4 {
		asking.Go(func() {
			version := 1 + i%2
			client := a.client(version)
			for n := 0; ctx.Err() == nil; n++ {
				_, serial, err := fetched(client, version, "https://"+d.https4+announcePath(hashOf("under load"), 4000+i))
				if i >= 2 || n%50 == 0 {
					client.CloseIdleConnections()
				}
				mu.Lock()
				requests++
				served[serial]++
				if err != nil {
					failed = append(failed, err)
				}
				mu.Unlock()
			}
		})
	}
	newest := func() int { mu.Lock(); defer mu.Unlock(); return served[1+a.serial] }
	for range 3 {
		waitFor(t, "requests", func() bool { return newest() >= 20 })
		expiry := a.issue(certificate, key, "localhost", time.Duration(2+a.serial)*time.Hour)
		if err := d.Cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		d.waitMetric(`keeptrack_https_certificate_expiry_timestamp_seconds{name="localhost"}`, float64(expiry.Unix()))
	}
	waitFor(t, "the new certificate", func() bool { return newest() >= 20 })
	if err := os.WriteFile(certificate, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the reload's refusal", func() bool {
		return d.logged("reload refused") == 1 && d.logged("https.certificate: "+certificate) == 1
	})
	before := newest()
	waitFor(t, "requests with the old certificate", func() bool { return newest() >= before+20 })
	cancel()
	asking.Wait()
	// On a machine that stands still for seconds, handshakes take too long.
	if slow := d.metric(`keeptrack_https_handshake_failures_total{reason="timeout"}`); len(failed) > int(slow) {
		t.Errorf("of %d requests failed %v", requests, failed)
	}
	d.stop()
}

// TestARefusedReloadChangesNothing: with a certificate that cannot be used, connection ids
// are still made from the old key.
func TestARefusedReloadChangesNothing(t *testing.T) {
	s := newAuthority(t).settings("localhost")
	certificate := strings.Trim(s["https.certificate"], `"`)
	key := keyFile(t, groupKey("a"))
	d := start(t, testSettings(t.TempDir()).with(s).with(settings{"livesync.key_file": fmt.Sprintf("%q", key)}))
	mate := start(t, testSettings(t.TempDir()).with(sealed(t, groupKey("a"))))
	for path, text := range map[string]string{certificate: "no certificate", key: groupKey("b")} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the reload's refusal", func() bool { return d.logged("reload refused") == 1 })
	if !mate.takes(d.gives()) {
		t.Error("connection ids are made from the key of a config that was refused")
	}
}

// TestHTTPSThatCannotBe: what is wrong with certificate and key is said by check and at
// the start, without what is in them.
func TestHTTPSThatCannotBe(t *testing.T) {
	a := newAuthority(t)
	good, other := a.settings("localhost"), a.settings("localhost")
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, certificate, key, want string }{
		{"no certificate", `"/none.pem"`, good["https.key"], "https.certificate: open /none.pem: no such file"},
		{"no key", good["https.certificate"], `"/none.pem"`, "https.key: open /none.pem: no such file"},
		{"key of another", good["https.certificate"], other["https.key"], "private key does not match public key"},
		{"no PEM", fmt.Sprintf("%q", empty), good["https.key"], "https.certificate: " + empty + " with "},
		{"key that is none", good["https.certificate"], fmt.Sprintf("%q", empty), "failed to find any PEM data in key input"},
	} {
		path := testSettings(t.TempDir()).with(good).with(settings{"https.certificate": c.certificate, "https.key": c.key}).write(t)
		for _, args := range [][]string{{"config", "check", path}, {"serve", "--config", path}} {
			if got := keeptrack(args...); got.status != statusUsage || !strings.Contains(got.stderr, c.want) || bytes.Contains([]byte(got.stderr), []byte("secret")) {
				t.Errorf("%s, %s: got %+v, want %q", c.name, args[0], got, c.want)
			}
		}
	}
}

// TestCheckWarnsOfCertificate: one that is about to end, or that everybody can read the
// key of.
func TestCheckWarnsOfCertificate(t *testing.T) {
	a := newAuthority(t)
	s := a.settings("localhost")
	path := testSettings(t.TempDir()).with(s).write(t)
	key := strings.Trim(s["https.key"], `"`)
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	got := keeptrack("config", "check", "--quiet", path)
	for _, want := range []string{"https.key: " + key + ": its mode 0644", "cert.pem expires soon, at "} {
		if got.status != statusDone || !strings.Contains(got.stderr, "keeptrack: warning: "+path+": https.") || !strings.Contains(got.stderr, want) {
			t.Errorf("got %+v, want %q", got, want)
		}
	}
}

// holdsOneOverTLS expects a second connection to be served only in the place of the
// first.
func holdsOneOverTLS(t *testing.T, d *instance) {
	var conns [2]*tls.Conn
	for i := range conns {
		conn, err := tls.Dial("tcp", d.https4, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conns[i] = conn
	}
	if err := conns[0].SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := conns[0].Read(make([]byte, 1)); err == nil || d.metric("keeptrack_http_evicted_total") != 1 {
		t.Errorf("the first connection is kept: %v", err)
	}
}

// trusting returns a client that takes an authority's certificates, which both need to
// be told in their own way.
func (c torrentClient) trusting(a *authority) torrentClient {
	command := c.command
	c.command = func(t *testing.T, torrent, dir, home, address string) *exec.Cmd {
		cmd := command(t, torrent, dir, home, address)
		cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+a.path)
		if c.name == aria2.name {
			cmd.Args = slices.Insert(cmd.Args, 1, "--ca-certificate="+a.path)
		}
		return cmd
	}
	return c
}

// TestRealClientsOverHTTPS: they check the certificate, announce and find each other.
func TestRealClientsOverHTTPS(t *testing.T) {
	a := newAuthority(t)
	d := start(t, testSettings(t.TempDir()).with(a.settings("localhost")))
	_, port, _ := net.SplitHostPort(d.https4)
	url := "https://localhost:" + port + "/announce"
	var all sync.WaitGroup
	for _, c := range [][2]torrentClient{{libtorrent, aria2}, {aria2, libtorrent}} {
		all.Go(func() {
			t.Run(fmt.Sprintf("from %s to %s", c[0].name, c[1].name), func(t *testing.T) {
				transfer(t, url, d.urls()["udp IPv4"], c[0].trusting(a), c[1].trusting(a))
			})
		})
	}
	all.Wait()
	if n := d.metric(`keeptrack_requests_total{action="announce",family="ipv4",result="ok",transport="https"}`); n < 4 {
		t.Errorf("%g announces", n)
	}
}
