package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"keeptrack/cmd/testenv"
)

// pebbleBinary builds Let's Encrypt's test server once and returns its path.
var pebbleBinary = sync.OnceValues(func() (string, error) { return goTool("pebble", "pebble") })

// pebble is a running one.
type pebble struct {
	t          *testing.T
	a          *authority // of the server's own certificate
	cmd        *exec.Cmd
	out        bytes.Buffer // complete once it has ended
	directory  string       // URL
	management string       // URL
}

// startPebble starts a pebble that looks for challenges at ports of the loopback
// interface, whatever the name, until the end of the test.
func startPebble(t *testing.T, httpPort, tlsPort int) *pebble {
	t.Helper()
	binary, err := pebbleBinary()
	testenv.Need(t, "run pebble", err)
	dir := t.TempDir()
	certificate, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	p := &pebble{t: t, a: newAuthority(t)}
	p.a.issue(certificate, key, "localhost", time.Hour)
	listen, management := fmt.Sprintf("127.0.0.1:%d", freePort(t)), fmt.Sprintf("127.0.0.1:%d", freePort(t))
	p.directory, p.management = "https://"+listen+"/dir", "https://"+management
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": listen, "managementListenAddress": management, "certificate": certificate, "privateKey": key,
		"httpPort": httpPort, "tlsPort": tlsPort, "keyAlgorithm": "ecdsa", "retryAfter": map[string]int{"authz": 1, "order": 1},
	}})
	path := filepath.Join(dir, "pebble.json")
	if err == nil {
		err = os.WriteFile(path, config, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	p.cmd = exec.Command(binary, "-config", path, "-dnsserver", serveNames(t))
	p.cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0")
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.stop(); t.Failed() {
			t.Logf("pebble:\n%s", &p.out)
		}
	})
	waitFor(t, "pebble", func() bool { _, err := p.get(p.directory); return err == nil })
	return p
}

// stop ends it.
func (p *pebble) stop() {
	_ = p.cmd.Process.Kill() // it may have ended
	_ = p.cmd.Wait()         // which tells of that
}

// get asks pebble.
func (p *pebble) get(url string) (string, error) {
	resp, err := p.a.client(1).Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return "", errors.New(resp.Status)
	}
	return string(b), err
}

// root returns the authority that pebble makes up at its start.
func (p *pebble) root() *x509.CertPool {
	p.t.Helper()
	text, err := p.get(p.management + "/roots/0")
	roots := x509.NewCertPool()
	if err != nil || !roots.AppendCertsFromPEM([]byte(text)) {
		p.t.Fatalf("pebble's root: %v, %q", err, text)
	}
	return roots
}

// serveNames answers DNS queries over TCP on a loopback address, which it returns: every
// name is this host, without IPv6.
func serveNames(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // the test is over
			}
			go func() {
				defer conn.Close()
				for answerName(conn) == nil {
				}
			}()
		}
	}()
	return l.Addr().String()
}

// answerName answers a query, which begins with its length.
func answerName(conn net.Conn) error {
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return err
	}
	query := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, query); err != nil {
		return err
	}
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return err
	}
	m.Response, m.Additionals = true, nil
	if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 1},
			Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
		}}
	}
	reply, err := m.Pack()
	if err != nil {
		return err
	}
	_, err = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...))
	return err
}

// startWithACME starts a daemon that trusts pebble.
func startWithACME(t *testing.T, p *pebble, s settings) *instance {
	t.Helper()
	cmd := program(t, t.TempDir(), "serve", "--config", s.write(t))
	cmd.Env = append(cmd.Env, "SSL_CERT_FILE="+p.a.path)
	return startCommand(t, cmd, &http.Client{Timeout: patience})
}

// TestCertificatesByACME: they come from the authority by either challenge, are kept over a
// restart, and only the names that they are for are served.
func TestCertificatesByACME(t *testing.T) {
	for _, c := range []struct {
		name      string
		overHTTP  bool // which is the only way that leads to the daemon
		wantFiles int
	}{{"over TLS", false, 2}, {"over HTTP", true, 2}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tlsPort, httpPort := freePort(t), freePort(t)
			challengeTLS, listen := tlsPort, "[]"
			if c.overHTTP {
				challengeTLS, listen = freePort(t), fmt.Sprintf(`["127.0.0.1:%d"]`, httpPort)
			}
			p := startPebble(t, httpPort, challengeTLS)
			dir := t.TempDir()
			s := testSettings(dir).with(settings{
				"https.listen": fmt.Sprintf(`["127.0.0.1:%d"]`, tlsPort), "https.acme_listen": listen,
				"https.acme_domains": `["a.example", "b.example"]`, "https.acme_directory": fmt.Sprintf("%q", p.directory),
				"https.acme_email": `"admin@example.org"`,
			})
			d := startWithACME(t, p, s)
			roots := p.root()
			first := map[string]string{}
			for _, name := range []string{"a.example", "b.example"} {
				d.waitMetric(fmt.Sprintf("keeptrack_https_certificate_expiry_timestamp_seconds{name=%q}", name), 1)
				serial, err := serialOf(d.https4, name, roots)
				if err != nil {
					t.Fatal(err)
				}
				first[name] = serial
			}
			if _, err := serialOf(d.https4, "c.example", roots); err == nil {
				t.Error("another name is served")
			}
			d.waitMetric(`keeptrack_https_handshake_failures_total{reason="name"}`, 1)
			if serial, err := serialOf(d.https4, "", nil); err != nil || serial != first["a.example"] {
				t.Errorf("without a name: %s, %v", serial, err)
			}
			d.stop()
			p.stop()
			keys, err := filepath.Glob(filepath.Join(dir, "keeptrack.db.acme", "certificates", "*", "*", "*.key"))
			if err != nil || len(keys) != c.wantFiles {
				t.Errorf("keys beside the database: %v, %v", keys, err)
			}
			for _, path := range keys {
				if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("%s: %v, %v", path, info, err)
				}
			}
			d = startWithACME(t, p, s)
			for name, serial := range first {
				if again, err := serialOf(d.https4, name, roots); err != nil || again != serial {
					t.Errorf("after the restart %s has %s, %v, want %s", name, again, err, serial)
				}
			}
			d.stop()
		})
	}
}

// TestACMEThatFails: what the authority says is in the log and counted, and the daemon
// serves everything else.
func TestACMEThatFails(t *testing.T) {
	p := startPebble(t, freePort(t), freePort(t)) // which lead nowhere
	d := startWithACME(t, p, testSettings(t.TempDir()).with(settings{
		"https.listen": `["127.0.0.1:0"]`, "https.acme_listen": "[]", "https.acme_domains": `["a.example"]`,
		"https.acme_directory": fmt.Sprintf("%q", p.directory),
	}))
	d.waitMetric("keeptrack_https_certificate_failures_total", 1)
	if n := d.metric(`keeptrack_https_certificate_expiry_timestamp_seconds{name="a.example"}`); n != 0 {
		t.Errorf("expires at %g", n)
	}
	if d.logged("a.example") == 0 || d.logged(`"level":"warn"`) == 0 {
		t.Error("nothing is said of it")
	}
	scrapeOf(t, d.urls()["http IPv4"], hashOf("any"))
	d.stop()
}

// serialOf returns the serial number of the certificate that a server shows for a name,
// and that roots have to have signed unless they are nil.
func serialOf(address, name string, roots *x509.CertPool) (string, error) {
	conn, err := tls.Dial("tcp", address, &tls.Config{ServerName: name, RootCAs: roots, InsecureSkipVerify: roots == nil})
	if err != nil {
		return "", err
	}
	defer conn.Close()
	return strings.ToLower(conn.ConnectionState().PeerCertificates[0].SerialNumber.Text(16)), nil
}
