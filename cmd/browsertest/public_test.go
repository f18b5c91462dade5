package browsertest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"keeptrack/cmd/internal/harness"
)

// TestPublicPage: it shows the announce URLs by the name in the address bar, counts and
// the contact, and a click selects a URL to be copied.
func TestPublicPage(t *testing.T) {
	t.Parallel()
	d := start(t, harness.Settings{"http.page": "true", "http.contact": `"abuse@example.org"`})
	hash, _ := hashOf("some torrent")
	d.announce(hash, 1000, "left=0")
	d.announce(hash, 1001, "left=1")
	url := "http://" + d.http
	p := open(t, url+"/")
	for id, want := range map[string]string{"torrents": "1", "peers": "2", "seeders": "1", "contact": "abuse@example.org"} {
		if got := p.text("#" + id); got != want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
	urls := eval[[]string](p, `[...document.querySelectorAll("code")].map((c) => c.textContent)`)
	if len(urls) != 2 || !strings.HasPrefix(urls[0], "udp://127.0.0.1:") || urls[1] != url+"/announce" {
		t.Errorf("URLs are %q", urls)
	}
	p.do(chromedp.Click("li:nth-child(2) code"))
	if got := eval[string](p, "getSelection().toString()"); got != urls[1] {
		t.Errorf("a click selects %q", got)
	}
	if styled := eval[string](p, "getComputedStyle(document.querySelector('ul')).listStyleType"); styled != "none" {
		t.Errorf("the policy keeps the style off: %s", styled)
	}
	for _, width := range []int64{320, 1300} {
		p.do(chromedp.EmulateViewport(width, 700))
		if over := eval[int](p, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
			t.Errorf("at a width of %d, %d pixels are cut off", width, over)
		}
		p.shot(fmt.Sprintf("public-%d.png", width))
	}
	p.do(chromedp.Navigate(strings.Replace(url, "127.0.0.1", "tracker.example", 1) + "/"))
	if got := eval[string](p, `document.querySelector("li:last-child").textContent`); !strings.HasPrefix(got, "http://tracker.example:") {
		t.Errorf("by another name it shows %q", got)
	}
}
