package browsertest

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"keeptrack/cmd/internal/harness"
)

// hashOf returns the info hash of a torrent that the tests call name, and its digits.
func hashOf(name string) (hash [20]byte, digits string) {
	hash = sha1.Sum([]byte(name))
	return hash, hex.EncodeToString(hash[:])
}

// deny is a config in which torrents can be blocked.
var deny = harness.Settings{"access.mode": `"deny"`}

// value returns the number that a <data> element shows, -1 if there is none.
func (p *page) value(selector string) float64 {
	p.t.Helper()
	n, err := strconv.ParseFloat(eval[string](p, fmt.Sprintf("document.querySelector(%q)?.value ?? '-1'", selector)), 64)
	if err != nil {
		p.t.Fatalf("%s: %v", selector, err)
	}
	return n
}

// TestPageShowsWhatTheAPISays: every number on the page is one of the JSON interface.
func TestPageShowsWhatTheAPISays(t *testing.T) {
	t.Parallel()
	d := start(t, deny)
	_, blocked := hashOf("torrent 2")
	d.api(http.MethodPut, "access/"+blocked, &struct{}{})
	for i := range 3 {
		hash, _ := hashOf(fmt.Sprint("torrent ", i))
		for port := range 3 + i {
			d.announce(hash, 1000+port, fmt.Sprintf("left=%d&event=%s", port%2, []string{"completed", "started"}[port%2]))
		}
	}
	d.announce([20]byte{}, 70000, "left=1") // a port that is none
	d.api(http.MethodPost, "checkpoint", &struct{}{})

	p := open(t, "http://"+d.admin+"/")
	p.waitText("#state", "ready")
	p.until("all numbers to be the API's", func() bool { return sameNumbers(d, p) })
	p.until("the top torrents to be the API's", func() bool {
		var top struct {
			Torrents []struct {
				InfoHash string `json:"info_hash"`
				Seeders  int
				Leechers int
				Done     int `json:"downloaded"`
			}
		}
		d.api(http.MethodGet, "top?limit=10", &top)
		var want []string
		for _, o := range top.Torrents {
			want = append(want, fmt.Sprint(o.InfoHash, o.Seeders, o.Leechers, o.Done))
		}
		got := eval[[]string](p, `[...document.querySelectorAll("#top-table tbody tr")].map((r) => [r.querySelector("button"), ...[...r.cells].slice(1)].map((c) => c?.textContent).join(""))`)
		for i := range want {
			want[i] = strings.ReplaceAll(want[i], " ", "")
		}
		return len(want) > 0 && slices.Equal(got, want)
	})
	if text := p.text("#reasons-table"); !strings.Contains(text, "port malformed") || !strings.Contains(text, "refused") {
		t.Errorf("reasons are %q", text)
	}
	p.waitText("#networks-table", "clients' addresses are given only with a token")
	p.waitText("#clients-table", "None lately")
	if text := p.text("#cluster-list"); !strings.Contains(text, "alone") {
		t.Errorf("the cluster is %q", text)
	}

	// A reload shows the history at once.
	p.until("some history", func() bool { return points(p) >= 2 })
	before := points(p)
	p.do(chromedp.Reload())
	p.until("the history after a reload", func() bool { return points(p) > 0 })
	if after := points(p); after < before {
		t.Errorf("%d points after a reload, %d before", after, before)
	}
}

// points returns how many points the first line of the chart has.
func points(p *page) int {
	return eval[int](p, `(document.querySelector("#requests-chart path")?.getAttribute("d") ?? "").split(/[ML]/).length - 1`)
}

// sameNumbers reports whether the page shows the sums that the API has now.
func sameNumbers(d *program, p *page) bool {
	type families struct{ IPv4, IPv6 float64 }
	var stats struct {
		Torrents   float64
		Peers      families
		Seeders    families
		Completed  float64
		Memory     struct{ Bytes float64 }
		Checkpoint struct{ Written float64 }
	}
	d.api(http.MethodGet, "stats", &stats)
	var history struct {
		Requests []struct {
			PerSecond []float64 `json:"per_second"`
		}
		Reasons []struct{ Recent, Total float64 }
	}
	d.api(http.MethodGet, "history", &history)
	want := []float64{stats.Torrents, stats.Peers.IPv4 + stats.Peers.IPv6, stats.Seeders.IPv4 + stats.Seeders.IPv6, stats.Completed, stats.Memory.Bytes,
		stats.Checkpoint.Written}
	for _, r := range history.Requests {
		if len(r.PerSecond) == 0 {
			return false
		}
		want = append(want, r.PerSecond[len(r.PerSecond)-1], slices.Max(r.PerSecond))
	}
	slices.SortFunc(history.Reasons, func(a, b struct{ Recent, Total float64 }) int { return int(b.Total - a.Total) })
	for _, r := range history.Reasons {
		want = append(want, r.Total)
	}
	shown := eval[[]string](p, `[...document.querySelectorAll("#torrents, #peers, #seeders, #completed, #memory"),
		document.querySelector("#disk-list data"),
		...document.querySelectorAll("#requests-table tbody td:nth-child(2) data, #requests-table tbody td:nth-child(4) data"),
		...[...document.querySelectorAll("#reasons-table td:nth-child(4) data")].sort((a, b) => b.value - a.value)].map((e) => e?.value ?? "")`)
	var got []float64
	for _, text := range shown {
		n, _ := strconv.ParseFloat(text, 64)
		got = append(got, n)
	}
	p.t.Logf("the page shows %v, the API %v", got, want)
	return slices.Equal(got, want) && stats.Torrents == 2 && stats.Checkpoint.Written > 0
}

// lookUp looks up an info hash and waits for what is found.
func (p *page) lookUp(digits string) {
	p.t.Helper()
	p.do(chromedp.Clear("#hash"), chromedp.SendKeys("#hash", digits+kb.Enter))
	p.waitText("#found", digits)
}

// TestBlocking: a torrent is blocked and unblocked in both modes, and only after a
// question was answered; in mode open the page says what to set.
func TestBlocking(t *testing.T) {
	t.Parallel()
	hash, digits := hashOf("to be blocked")
	list := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(list, []byte(digits+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, more := range map[string]harness.Settings{"deny": deny, "allow": {"access.mode": `"allow"`, "access.file": fmt.Sprintf("%q", list)}} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			d := start(t, more)
			d.announce(hash, 1000, "left=0")
			p := open(t, "http://"+d.admin+"/")
			p.waitText("#state", "ready")
			p.lookUp(digits)
			p.waitText("#served", "served")

			p.do(chromedp.Click("#actions button"))
			p.until("a question", func() bool { return p.visible("#ask") })
			if text := p.text("#ask"); !strings.Contains(text, "Block?") || !strings.Contains(text, digits) {
				t.Errorf("the question is %q", text)
			}
			if focused := eval[string](p, "document.activeElement.textContent"); focused != "Cancel" {
				t.Errorf("Enter would be %q", focused)
			}
			p.do(chromedp.KeyEvent(kb.Escape))
			p.until("the question to go", func() bool { return !p.visible("#ask") })
			p.do(chromedp.Click("#actions button"), chromedp.Click("#ask button"))
			p.until("the question to go", func() bool { return !p.visible("#ask") })
			if d.refused(digits) || p.text("#done") != "" {
				t.Error("blocked although the question was answered with no")
			}

			p.do(chromedp.Click("#actions button"), chromedp.Click("#ask-yes"))
			p.waitText("#done", "refused")
			p.waitText("#served", "refused")
			if !d.refused(digits) {
				t.Error("not blocked")
			}
			p.do(chromedp.Click("#actions button"), chromedp.Click("#ask-yes"))
			p.waitText("#served", "served")
			if d.refused(digits) {
				t.Error("not unblocked")
			}
			p.do(chromedp.Click("#actions button:nth-child(2)"), chromedp.Click("#ask-yes"))
			p.until("the override to be gone", func() bool {
				return eval[int](p, `document.querySelectorAll("#actions button").length`) == 1
			})
			var access struct {
				Overrides int `json:"override_count"`
			}
			if d.api(http.MethodGet, "access", &access); access.Overrides != 0 {
				t.Errorf("%d overrides", access.Overrides)
			}
		})
	}
	t.Run("open", func(t *testing.T) {
		t.Parallel()
		d := start(t, nil)
		p := open(t, "http://"+d.admin+"/")
		p.waitText("#state", "ready")
		p.lookUp(digits)
		p.waitText("#actions", `set it to "deny"`)
		if eval[int](p, `document.querySelectorAll("#actions button").length`) != 0 {
			t.Error("there are buttons")
		}
	})
}

// TestAnsweredAtOnce: a question that comes before the browser has told of the former one's
// end waits for its own answer.
func TestAnsweredAtOnce(t *testing.T) {
	t.Parallel()
	_, digits := hashOf("asked twice")
	d := start(t, deny)
	p := open(t, "http://"+d.admin+"/")
	p.waitText("#state", "ready")
	p.lookUp(digits)
	eval[bool](p, `(async () => {
		const ended = new Promise((told) => document.querySelector("#ask").addEventListener("close", told, { once: true }));
		const block = document.querySelector("#actions button");
		block.click();
		document.querySelector("#ask button").click();
		block.click();
		await ended;
		return true;
	})()`)
	if d.refused(digits) {
		t.Error("blocked before the question was answered")
	}
	p.do(chromedp.Click("#ask-yes"))
	p.waitText("#done", "refused")
}

// TestKeyboard: all that can be clicked is reached with Tab, and a torrent of the top
// list is looked up and blocked without a mouse.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	d := start(t, deny)
	hash, digits := hashOf("a top torrent")
	d.announce(hash, 1000, "left=0")
	p := open(t, "http://"+d.admin+"/")
	p.waitText("#top-table", digits)
	tab := func(text string) {
		t.Helper()
		for range 40 {
			p.do(chromedp.KeyEvent(kb.Tab))
			if eval[string](p, "document.activeElement.textContent") == text {
				return
			}
		}
		t.Fatalf("Tab never reaches %q", text)
	}
	tab(digits)
	p.do(chromedp.KeyEvent(kb.Enter))
	p.waitText("#found", digits)
	p.waitText("#actions", "Block")
	tab("Block…")
	p.do(chromedp.KeyEvent(kb.Enter))
	p.until("a question", func() bool { return p.visible("#ask") })
	tab("Block")
	p.do(chromedp.KeyEvent(kb.Enter))
	p.until("the torrent to be blocked", func() bool { return d.refused(digits) })
	reached := map[string]bool{}
	for range 60 {
		p.do(chromedp.KeyEvent(kb.Tab))
		reached[eval[string](p, "document.activeElement.outerHTML")] = true
	}
	all := eval[[]string](p, `[...document.querySelectorAll("#board a, #board button, #board input, #board select")].map((e) => e.outerHTML)`)
	for _, e := range all {
		if !reached[e] {
			t.Errorf("Tab does not reach %s", e)
		}
	}
}

// TestToken: nothing is shown without the right one, which is kept for the tab alone; one
// that only reads cannot block.
func TestToken(t *testing.T) {
	t.Parallel()
	d := start(t, deny.With(harness.Settings{"admin.token": `"the-right-token"`, "admin.read_token": `"the-reading-token"`}))
	d.token = "the-right-token"
	hash, digits := hashOf("some torrent")
	d.announce(hash, 1000, "left=0&peer_id=-qB4650-abcdefghijkl")
	p := open(t, "http://"+d.admin+"/")
	p.until("the question for a token", func() bool { return p.visible("#sign-in") })
	p.waitText("#state", "ready")
	enter := func(token string) { p.do(chromedp.SendKeys("#token", token+kb.Enter)) }
	enter("another-token")
	p.waitText("#sign-in-says", "not the token")
	if p.visible("#board") || p.text("#torrents") != "" {
		t.Error("numbers are shown with a wrong token")
	}
	if kept := eval[int](p, "sessionStorage.length + localStorage.length"); kept != 0 {
		t.Error("a wrong token is kept")
	}
	enter("the-reading-token")
	p.until("the numbers", func() bool { return p.visible("#board") })
	p.lookUp(digits)
	p.do(chromedp.Click("#actions button"), chromedp.Click("#ask-yes"))
	p.waitText("#done", "read-only token")
	p.waitText("#networks-table", "127.0.0.1")
	if d.refused(digits) {
		t.Error("blocked with a token that only reads")
	}
	p.do(chromedp.Click("#forget-token"))
	p.until("the question for a token", func() bool { return p.visible("#sign-in") && !p.visible("#board") })
	enter("the-right-token")
	p.until("the numbers", func() bool { return p.visible("#board") })
	p.lookUp(digits)
	p.do(chromedp.Click("#actions button"), chromedp.Click("#ask-yes"))
	p.until("the torrent to be blocked", func() bool { return d.refused(digits) })
	p.do(chromedp.Click("#links a")) // a browser would ask for it without the token
	p.waitText("#links-say", "Saved as metrics.txt")
	p.do(chromedp.Reload())
	p.until("the numbers after a reload", func() bool { return p.visible("#board") })
	if eval[int](p, "localStorage.length + document.cookie.length") != 0 {
		t.Error("something is kept beyond the session")
	}
	if p := open(t, "http://"+d.admin+"/"); !p.visible("#sign-in") {
		p.until("the question for a token in another session", func() bool { return p.visible("#sign-in") })
	}
	// Alerts count requests without a token that allows them: one of each kind was made.
	wrong := 0
	p.until("the count of wrong tokens", func() bool {
		var history struct {
			Reasons []struct {
				Metric string
				Total  int
			}
		}
		d.api(http.MethodGet, "history", &history)
		for _, r := range history.Reasons {
			if r.Metric == "keeptrack_admin_unauthorized_total" {
				wrong = r.Total
			}
		}
		return wrong > 0
	})
	if wrong > 2 {
		t.Errorf("the page has asked %d times without the right token", wrong)
	}
}

// TestDaemonStopsAndIsBack: the page says that it gets no answer and what it shows is
// old, keeps no torrent that is not asked for any more, and goes on when the daemon is back.
func TestDaemonStopsAndIsBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := filepath.Join(dir, "keeptrack.toml")
	text := harness.Loopback(filepath.Join(dir, "keeptrack.db")).With(harness.Settings{"admin.listen": fmt.Sprintf("%q", freeAddress(t))}).Text()
	if err := os.WriteFile(config, text, 0o600); err != nil {
		t.Fatal(err)
	}
	d := serve(t, config)
	hash, digits := hashOf("kept")
	d.announce(hash, 1000, "left=0&event=completed")
	p := open(t, "http://"+d.admin+"/")
	p.until("the torrent", func() bool { return p.value("#torrents") == 1 && p.value("#completed") == 1 })
	p.lookUp(digits)
	d.stop()
	p.waitText("#state", "no answer")
	p.waitText("#trouble", "does not answer")
	if p.value("#torrents") != 1 {
		t.Error("what the daemon said last is gone")
	}
	_, other := hashOf("another")
	p.do(chromedp.SetValue("#hash", other), chromedp.SendKeys("#hash", kb.Enter))
	p.waitText("#done", "not answer")
	if text := p.text("#found") + p.text("#actions"); text != "" {
		t.Errorf("below a torrent that could not be looked up is %q", text)
	}
	d = serve(t, config)
	p.waitText("#state", "ready")
	p.until("the banner to go", func() bool { return !p.visible("#trouble") })
	p.until("numbers of the new process", func() bool { return p.value("#torrents") == 1 && p.value("#completed") == 0 })
	_ = d
}

// TestPageFits: on phones and wide screens nothing is cut off, in the light and the
// dark. With -shots the pictures are kept.
func TestPageFits(t *testing.T) {
	t.Parallel()
	d := start(t, deny)
	for i := range 12 {
		hash, _ := hashOf(fmt.Sprint(i))
		for port := range 12 - i {
			d.announce(hash, 1000+port, fmt.Sprintf("left=%d&event=completed", port%3))
		}
	}
	d.announce([20]byte{}, 70000, "")
	_, digits := hashOf("3")
	p := open(t, "http://"+d.admin+"/")
	p.waitText("#top-table", digits)
	p.lookUp(digits)
	p.until("a chart", func() bool { return points(p) > 1 })
	for _, width := range []int64{320, 390, 700, 1000, 1300} {
		for _, scheme := range []string{"light", "dark"} {
			p.do(chromedp.EmulateViewport(width, 900), emulate(scheme))
			if over := eval[int](p, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
				t.Errorf("at a width of %d, %d pixels are cut off", width, over)
			}
			p.shot(fmt.Sprintf("admin-%d-%s.png", width, scheme))
		}
	}
}
