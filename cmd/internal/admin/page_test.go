package admin

import (
	"io"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strings"
	"testing"
)

// TestPage: it is served without a token, says whether one is asked for, and comes with
// what keeps it from loading, running or being shown by anything else.
func TestPage(t *testing.T) {
	for token, want := range map[string]string{"": `data-token="no"`, "sesame": `data-token="required"`} {
		url := start(t, Options{Token: token, API: func() (API, error) { return &fakeAPI{}, nil }})
		res := fetch(t, url+"/")
		if body := res.body; res.StatusCode != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("status %d, %s", res.StatusCode, body)
		}
		policy := res.Header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("the policy %q lacks %s", policy, part)
			}
		}
		if strings.Contains(policy, "unsafe") {
			t.Errorf("the policy is %q", policy)
		}
		for _, file := range regexp.MustCompile(`(?:src|href)="(page/[^"]+)"`).FindAllStringSubmatch(res.body, -1) {
			if res := fetch(t, url+"/"+file[1]); res.StatusCode != http.StatusOK {
				t.Errorf("%s: status %d", file[1], res.StatusCode)
			}
		}
	}
}

// TestPageFiles: each has its type, and there are no others.
func TestPageFiles(t *testing.T) {
	url := start(t, Options{Token: "sesame"})
	files, err := fs.Glob(pageFiles, "page/*")
	if err != nil || len(files) < 3 {
		t.Fatalf("%q, %v", files, err)
	}
	for _, file := range files {
		text, err := fs.ReadFile(pageFiles, file)
		if err != nil {
			t.Fatal(err)
		}
		if path.Base(file) == "index.html" {
			continue
		}
		want := map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}[path.Ext(file)]
		if res := fetch(t, url+"/"+file); res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != want || res.body != string(text) {
			t.Errorf("%s: status %d, type %q", file, res.StatusCode, res.Header.Get("Content-Type"))
		}
		if elsewhere := regexp.MustCompile(`https?://[^"' ]*`).FindAllString(string(text), -1); len(elsewhere) > 0 && !strings.HasPrefix(elsewhere[0], "http://www.w3.org/") {
			t.Errorf("%s names %q", file, elsewhere)
		}
		if markup := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|localStorage`).FindString(string(text)); markup != "" {
			t.Errorf("%s has %s", file, markup)
		}
	}
	for _, name := range []string{"/page/", "/page/none.js", "/page/index.html", "/page/..%2fopenapi.yaml", "/page/%2e%2e", "/index.html"} {
		if res := fetch(t, url+name); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d", name, res.StatusCode)
		}
	}
}

// TestRepliesAreHardened: whatever is asked for.
func TestRepliesAreHardened(t *testing.T) {
	url := start(t, Options{Token: "sesame", Ready: func() error { return nil }})
	for _, path := range []string{"/", "/page/main.js", "/readyz", "/metrics", "/api/v1/stats", "/debug/pprof/", "/nothing"} {
		res := fetch(t, url+path)
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cross-Origin-Resource-Policy": "same-origin",
			"Referrer-Policy": "no-referrer", "Access-Control-Allow-Origin": "",
		} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
		if policy := res.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("%s: the policy is %q", path, policy)
		}
	}
}

// response is a response with its body read.
type response struct {
	*http.Response
	body string
}

// fetch sends a GET with header fields, name and value in turn.
func fetch(t *testing.T, url string, header ...string) response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response{res, string(body)}
}

// TestReadsFromElsewhere: a page of another origin can have a browser follow a link to
// what there is to look at, and nothing else: no picture, frame or request, and no
// copy or profile in any way.
func TestReadsFromElsewhere(t *testing.T) {
	url := start(t, Options{Ready: func() error { return nil }, API: func() (API, error) { return &fakeAPI{}, nil },
		Backup: func(w io.Writer) error { _, err := io.WriteString(w, "copy"); return err }})
	for _, c := range []struct {
		name, site, mode, dest string
		look, manage           int
	}{
		{"no browser", "", "", "", 200, 200},
		{"this page", "same-origin", "cors", "empty", 200, 200},
		{"typed in", "none", "navigate", "document", 200, 200},
		{"a link", "cross-site", "navigate", "document", 200, 403},
		{"a link of another port", "same-site", "navigate", "document", 200, 403},
		{"a frame", "cross-site", "navigate", "iframe", 403, 403},
		{"a picture", "cross-site", "no-cors", "image", 403, 403},
		{"a script", "same-site", "no-cors", "script", 403, 403},
		{"a request", "cross-site", "cors", "empty", 403, 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			header := []string{"Sec-Fetch-Site", c.site, "Sec-Fetch-Mode", c.mode, "Sec-Fetch-Dest", c.dest}
			if c.site == "" {
				header = nil
			}
			for path, want := range map[string]int{
				"/": 200, "/readyz": 200, "/metrics": c.look, "/api/v1/stats": c.look, "/api/v1/backup": c.manage, "/debug/pprof/heap": c.manage,
			} {
				if res := fetch(t, url+path, header...); res.StatusCode != want {
					t.Errorf("%s: status %d, want %d", path, res.StatusCode, want)
				}
			}
		})
	}
}
