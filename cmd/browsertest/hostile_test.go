package browsertest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"keeptrack/cmd/internal/harness"
)

// hostileText would be an element, and run, if it were taken for markup.
const hostileText = `"'><img src=x onerror="globalThis.broken=1"><script>globalThis.broken=1</script>`

// TestHostileTexts: whatever stands in the strings of the API's replies, in errors and in
// the state, is shown as text. The page's content security policy is taken away for
// that, so that nothing else keeps it from running.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	listen := harness.Settings{"admin.token": `"the-right-token"`, "livesync.enabled": "true", "livesync.transport": `"unicast"`, "livesync.listen": fmt.Sprintf("%q", freeAddress(t)),
		"livesync.peers": `["127.0.0.1:9"]`}
	d := start(t, deny.With(listen))
	d.token = "the-right-token"
	hash, digits := hashOf("some torrent")
	d.announce(hash, 1000, "left=0&peer_id=-qB4650-abcdefghijkl")
	d.announce([20]byte{}, 70000, "")
	d.api(http.MethodPut, "access/"+digits, &struct{}{})
	front := httptest.NewServer(poisoned(t, d))
	t.Cleanup(front.Close)
	p := open(t, front.URL+"/")
	p.waitText("#state", hostileText)
	p.do(chromedp.SendKeys("#token", d.token+kb.Enter))
	p.waitText("#about", hostileText)
	p.waitText("#reasons-table", hostileText)
	p.waitText("#requests-table", strings.ToUpper(hostileText))
	p.waitText("#top-table", hostileText)
	p.waitText("#disk-list", hostileText)
	p.waitText("#cluster-list", hostileText)
	p.waitText("#members-table", hostileText)
	p.waitText("#networks-table", hostileText)
	p.waitText("#clients-table", hostileText)
	p.do(chromedp.SendKeys("#hash", "magnet:?dn=x&xt=urn:btih:"+digits+"&tr=y"+kb.Enter))
	p.waitText("#found", hostileText)
	p.do(chromedp.Click("#actions button"), chromedp.Click("#ask-yes"))
	p.waitText("#done", hostileText)
	if n := eval[int](p, `document.querySelectorAll("img, script:not([type=module])").length`); n != 0 || eval[bool](p, "'broken' in globalThis") {
		t.Errorf("%d elements made of text, run: %v", n, eval[bool](p, "'broken' in globalThis"))
	}
}

// poisoned stands before a daemon and puts hostile text into the strings of its replies,
// and members, a failing checkpoint and refusals where it has none.
func poisoned(t *testing.T, d *program) http.Handler {
	to, err := url.Parse("http://" + d.admin)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ModifyResponse = func(res *http.Response) error {
		res.Header.Del("Content-Security-Policy")
		if strings.HasPrefix(res.Header.Get("Content-Type"), "text/plain") {
			return replace(res, []byte(hostileText+"\n"+hostileText))
		}
		if !strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
			return nil
		}
		var v any
		if err := json.NewDecoder(res.Body).Decode(&v); err != nil {
			return err
		}
		v = poison(v)
		if reply, ok := v.(map[string]any); ok && strings.HasSuffix(res.Request.URL.Path, "/stats") {
			reply["checkpoint"].(map[string]any)["error"] = hostileText
		} else if ok && strings.HasSuffix(res.Request.URL.Path, "/cluster") {
			reply["counting"] = map[string]any{"members": []any{
				map[string]any{"origin": hostileText, "label": hostileText, "instance": hostileText, "here": true, "in_step": false, "packets_missing": hostileText},
			}}
		}
		text, err := json.Marshal(v)
		if err != nil {
			return err
		}
		return replace(res, text)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host = d.admin
		if r.Method == http.MethodPut {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusConflict)
			_ = json.NewEncoder(w).Encode(map[string]string{"error": hostileText}) // the page has gone
			return
		}
		proxy.ServeHTTP(w, r)
	})
}

func replace(res *http.Response, text []byte) error {
	if err := res.Body.Close(); err != nil {
		return err
	}
	res.Body = io.NopCloser(strings.NewReader(string(text)))
	res.ContentLength = int64(len(text))
	res.Header.Set("Content-Length", fmt.Sprint(len(text)))
	return nil
}

// poison replaces all strings in v.
func poison(v any) any {
	switch v := v.(type) {
	case string:
		return hostileText
	case []any:
		for i := range v {
			v[i] = poison(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = poison(v[name])
		}
	}
	return v
}

// attack is a page of another origin that tries to change something, to have the daemon
// work, to read, and to show the operator's page in a frame.
const attack = `<!DOCTYPE html><title>attack</title>
<iframe id="frame"></iframe><form id="form" method="post" target="frame2"></form><iframe name="frame2"></iframe>
<script>
const results = {};
async function attack(base, hash) {
  const tries = {
    put: ["PUT", "/api/v1/access/" + hash], remove: ["DELETE", "/api/v1/access/" + hash],
    decide: ["PUT", "/api/v1/access/" + hash + "/override?decision=refuse"],
    checkpoint: ["POST", "/api/v1/checkpoint"], reload: ["POST", "/api/v1/access/reload"], gone: ["DELETE", "/api/v1/cluster/00000000"],
    stats: ["GET", "/api/v1/stats"], ready: ["GET", "/readyz"], page: ["GET", "/"], metrics: ["GET", "/metrics"], backup: ["GET", "/api/v1/backup"],
  };
  for (const [name, [method, path]] of Object.entries(tries)) {
    for (const mode of ["cors", "no-cors"]) {
      try {
        const reply = await fetch(base + path, { method, mode });
        results[name + " " + mode] = reply.type === "opaque" ? "opaque" : await reply.text();
      } catch (error) {
        results[name + " " + mode] = "failed";
      }
    }
  }
  for (const [tag, attribute, path] of [["script", "src", "/page/main.js"], ["script", "src", "/api/v1/stats"], ["img", "src", "/api/v1/backup"],
    ["img", "src", "/debug/pprof/heap"], ["link", "href", "/page/page.css"]]) {
    const e = document.createElement(tag);
    e[attribute] = base + path;
    e.rel = "stylesheet";
    results[tag + " " + path] = await new Promise((resolve) => {
      e.onload = () => resolve("loaded");
      e.onerror = () => resolve("failed");
      document.head.append(e);
    });
  }
  document.getElementById("form").action = base + "/api/v1/checkpoint";
  document.getElementById("form").submit();
  await new Promise((resolve) => {
    document.getElementById("frame").onload = resolve;
    document.getElementById("frame").src = base + "/";
  });
  try {
    results.frame = document.getElementById("frame").contentDocument?.title ?? "out of reach";
  } catch (error) {
    results.frame = "out of reach";
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
  return results;
}
</script>`

// TestOtherOrigins: a page of another origin, also of another port of this host, changes
// nothing, reads nothing, has no copy or profile made, and cannot show the page.
func TestOtherOrigins(t *testing.T) {
	t.Parallel()
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, attack)
	}))
	t.Cleanup(evil.Close)
	_, digits := hashOf("some torrent")
	for name, c := range map[string]struct {
		more   harness.Settings
		origin string
	}{
		"another port":         {deny, evil.URL},
		"another site":         {deny, strings.Replace(evil.URL, "127.0.0.1", "evil.example", 1)},
		"with a token":         {deny.With(harness.Settings{"admin.token": `"the-right-token"`}), evil.URL},
		"another name of host": {deny, strings.Replace(evil.URL, "127.0.0.1", "localhost", 1)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := start(t, c.more)
			if c.more["admin.token"] != "" {
				d.token = "the-right-token"
			}
			p := open(t, c.origin)
			p.allowFaults()
			results := eval[map[string]string](p, fmt.Sprintf("attack(%q, %q)", "http://"+d.admin, digits))
			if len(results) < 20 {
				t.Fatalf("only %v was tried", results)
			}
			for what, result := range results {
				switch result {
				case "opaque", "failed", "out of reach":
				default:
					t.Errorf("%s: %q", what, result)
				}
			}
			var stats struct{ Checkpoint struct{ Written int } }
			d.api(http.MethodGet, "stats", &stats)
			var access struct {
				Overrides int `json:"override_count"`
			}
			d.api(http.MethodGet, "access", &access)
			if stats.Checkpoint.Written != 0 || access.Overrides != 0 || d.refused(digits) {
				t.Errorf("something has changed: %+v, %+v", stats, access)
			}
			if n := d.logged(`"backup taken"`) + d.logged("access list changed") + d.logged("access list reloaded"); n != 0 {
				t.Errorf("%d lines in the log of things done", n)
			}
		})
	}
}

// TestAnotherName: a name that somebody has given the address (DNS rebinding) shows the
// page, which has nothing in it, and no data.
func TestAnotherName(t *testing.T) {
	t.Parallel()
	d := start(t, deny)
	p := open(t, "http://"+strings.Replace(d.admin, "127.0.0.1", "evil.example", 1)+"/")
	p.allowFaults() // a header that is for trustworthy origins alone
	p.waitText("#trouble", "the Host header must be an IP address or localhost")
	if p.visible("#board") || p.text("#torrents") != "" {
		t.Error("numbers are shown")
	}
	if got := eval[string](p, `fetch("/api/v1/stats").then((r) => r.text())`); !strings.Contains(got, "Host header") {
		t.Errorf("a script of that name reads %q", got)
	}
}
