package admin

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// start runs a server on loopback until the test ends and returns its URL.
func start(t *testing.T, o Options) string {
	t.Helper()
	_, url := run(t, o)
	return url
}

// run is start that also returns the server.
func run(t *testing.T, o Options) (s *Server, url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.Listener = l
	o.Log = zerolog.Nop()
	if o.Impaired == nil {
		o.Impaired = func() error { return nil }
	}
	if o.Metrics == nil {
		o.Metrics = prometheus.NewRegistry()
	}
	s = New(o)
	done := make(chan error, 1)
	go func() { done <- s.Run(t.Context()) }()
	t.Cleanup(func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s, "http://" + l.Addr().String()
}

func get(t *testing.T, url, authorization string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func TestReadiness(t *testing.T) {
	missing := errors.New("loading the database")
	var impaired error
	url := start(t, Options{Ready: func() error { return missing }, Impaired: func() error { return impaired }})
	if status, body := get(t, url+"/readyz", ""); status != http.StatusServiceUnavailable || !strings.Contains(body, missing.Error()) {
		t.Errorf("not ready: %d %q", status, body)
	}
	if status, _ := get(t, url+"/healthz", ""); status != http.StatusOK {
		t.Errorf("healthz while not ready: %d", status)
	}
	missing = nil
	if status, body := get(t, url+"/readyz", ""); status != http.StatusOK || body != "ready\n" {
		t.Errorf("ready: %d %q", status, body)
	}
	impaired = errors.New("no other instance can be reached")
	if status, body := get(t, url+"/readyz", ""); status != http.StatusOK || body != "ready\nimpaired: no other instance can be reached\n" {
		t.Errorf("impaired: %d %q", status, body)
	}
}

func TestToken(t *testing.T) {
	s, url := run(t, Options{
		Token: "sesame",
		Ready: func() error { return nil },
		API:   func() (API, error) { return &fakeAPI{}, nil },
		Stats: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
	})
	for _, c := range []struct {
		name, path, authorization string
		status                    int
	}{
		{"health without", "/healthz", "", http.StatusOK},
		{"readiness without", "/readyz", "", http.StatusOK},
		{"metrics without", "/metrics", "", http.StatusUnauthorized},
		{"metrics with", "/metrics", "Bearer sesame", http.StatusOK},
		{"scheme in lower case", "/metrics", "bearer sesame", http.StatusOK},
		{"opentracker's statistics without", "/stats?mode=peer", "", http.StatusUnauthorized},
		{"opentracker's statistics with", "/stats?mode=peer", "Bearer sesame", http.StatusOK},
		{"profiles without", "/debug/pprof/goroutine", "", http.StatusUnauthorized},
		{"profiles with", "/debug/pprof/goroutine", "Bearer sesame", http.StatusOK},
		{"cluster without", "/api/v1/cluster", "", http.StatusUnauthorized},
		{"cluster with", "/api/v1/cluster", "Bearer sesame", http.StatusOK},
		{"wrong token", "/metrics", "Bearer sesam", http.StatusUnauthorized},
		{"longer token", "/metrics", "Bearer sesame1", http.StatusUnauthorized},
		{"wrong scheme", "/metrics", "Basic sesame", http.StatusUnauthorized},
		{"scheme only", "/metrics", "Bearer", http.StatusUnauthorized},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := s.Unauthorized()
			if status, _ := get(t, url+c.path, c.authorization); status != c.status {
				t.Errorf("status %d, want %d", status, c.status)
			}
			if counted := s.Unauthorized() > before; counted != (c.status == http.StatusUnauthorized) {
				t.Errorf("counted: %v", counted)
			}
		})
	}
}

// TestReadToken: it shows what there is, and changes, copies and profiles nothing.
func TestReadToken(t *testing.T) {
	s, url := run(t, Options{
		Token: "sesame", ReadToken: "window",
		Ready: func() error { return nil },
		API:   func() (API, error) { return &fakeAPI{}, nil },
		Stats: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
		Backup: func(w io.Writer) error {
			_, err := io.WriteString(w, "copy")
			return err
		},
	})
	for pattern, needs := range rights {
		method, path, ok := strings.Cut(pattern, " ")
		if !ok || path == "/debug/pprof/profile" { // which takes its time
			continue
		}
		path = strings.NewReplacer("{hash}", hashText, "{member}", "x").Replace(path)
		for _, c := range []struct {
			token string
			has   right
		}{{"sesame", manage}, {"window", look}, {"", free}, {"windo", free}} {
			want := map[bool]int{true: http.StatusUnauthorized, false: http.StatusForbidden}[c.has == free]
			before := s.Unauthorized()
			status := statusOf(t, method, url+path, c.token)
			refused := status == http.StatusUnauthorized || status == http.StatusForbidden
			if may := c.has >= needs; refused == may || refused && status != want || refused != (s.Unauthorized() > before) {
				t.Errorf("%s with %q: status %d, counted %d", pattern, c.token, status, s.Unauthorized()-before)
			}
		}
	}
}

// statusOf asks with a token and returns the status.
func statusOf(t *testing.T, method, url, token string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// TestReadTokenWithoutToken: the empty token is nobody's.
func TestReadTokenWithoutToken(t *testing.T) {
	if s := (&Server{opts: Options{Token: "a"}}); s.rightOf(&http.Request{Header: http.Header{"Authorization": {"Bearer "}}}) != free {
		t.Error("no token is taken for the one to look")
	}
}
