package certificates

import (
	"bytes"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"go.uber.org/zap"
)

// at is a listener for the sake of its address.
type at struct {
	net.Listener
	addr net.Addr
}

func (a at) Addr() net.Addr { return a.addr }

// listeners returns some at addresses of TCP, or unix sockets.
func listeners(t *testing.T, addrs ...string) (all []net.Listener) {
	t.Helper()
	for _, a := range addrs {
		if strings.HasPrefix(a, "/") {
			all = append(all, at{addr: &net.UnixAddr{Name: a}})
			continue
		}
		tcp, err := net.ResolveTCPAddr("tcp", a)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, at{addr: tcp})
	}
	return all
}

// TestSolve: certmagic has to find both ways at one host.
func TestSolve(t *testing.T) {
	for _, c := range []struct {
		name      string
		tls, http []string
		want      solvers
	}{
		{"wildcards", []string{"0.0.0.0:443", "[::]:443"}, []string{"0.0.0.0:80", "[::]:80"}, solvers{"", 80, 443}},
		{"one address", []string{"192.0.2.1:443"}, []string{"192.0.2.1:80"}, solvers{"192.0.2.1", 80, 443}},
		{"an address, and all", []string{"192.0.2.1:443"}, []string{"0.0.0.0:80"}, solvers{"192.0.2.1", 80, 443}},
		{"all, and an address", []string{"0.0.0.0:8443"}, []string{"192.0.2.1:8080"}, solvers{"192.0.2.1", 8080, 8443}},
		{"the second fits", []string{"192.0.2.1:443"}, []string{"192.0.2.2:80", "192.0.2.1:80"}, solvers{"192.0.2.1", 80, 443}},
		{"two hosts", []string{"192.0.2.1:443"}, []string{"192.0.2.2:80"}, solvers{"192.0.2.1", 0, 443}},
		{"TLS alone", []string{"[::1]:443"}, nil, solvers{"::1", 0, 443}},
		{"HTTP alone", []string{"/run/a.sock"}, []string{"192.0.2.2:80"}, solvers{"192.0.2.2", 80, 0}},
		{"neither", []string{"/run/a.sock"}, nil, solvers{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := solve(ACMEOptions{TLS: listeners(t, c.tls...), Listeners: listeners(t, c.http...)}); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// TestACMEWithoutCertificates: names are known before there are any.
func TestACMEWithoutCertificates(t *testing.T) {
	a := NewACME(ACMEOptions{Domains: []string{"a.example", "b.example"}, Folder: filepath.Join(t.TempDir(), "a.acme"), Log: zerolog.Nop()})
	defer a.cache.Stop()
	got := a.Expiries()
	if len(got) != 2 || !got["a.example"].IsZero() || a.Failures() != 0 {
		t.Errorf("got %v, %d failures", got, a.Failures())
	}
}

// TestLogOfACME: what goes wrong is a warning, the rest, and what clients cause, is for those who look for it, and
// every field is there.
func TestLogOfACME(t *testing.T) {
	var out bytes.Buffer
	log := zapLogger(zerolog.New(&out).Level(zerolog.DebugLevel)).Named("x").With(zap.String("name", "a.example"))
	log.Debug("too much")
	log.Info("done", zap.Int("tries", 2), zap.String("level", "odd"))
	log.Error("not done")
	log.Error("tls-alpn challenge", zap.String("remote_addr", "192.0.2.1:1"))
	log.With(zap.String("remote", "192.0.2.1:1")).Warn("refused")
	log.Error("solving http-01 challenge blindly")
	log.Debug("too much", zap.String("remote", "192.0.2.1:1"))
	want := `{"level":"debug","name":"a.example","tries":2,"message":"https: acme: done"}
{"level":"warn","name":"a.example","message":"https: acme: not done"}
{"level":"debug","name":"a.example","remote_addr":"192.0.2.1:1","message":"https: acme: tls-alpn challenge"}
{"level":"debug","name":"a.example","remote":"192.0.2.1:1","message":"https: acme: refused"}
{"level":"debug","name":"a.example","message":"https: acme: solving http-01 challenge blindly"}
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &out, want)
	}
}
