package http

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
)

func TestRouteOf(t *testing.T) {
	tests := []struct {
		paths string // separated by white space
		want  route
	}{
		{"/announce /announce/ /announce.php /announce.jsp /announce.aspx /announce.php5 //announce /announce// ///announce//", routeAnnounce},
		{"/a /ann /anything /announce2 /announce-me /announce/KEY /announce/KEY/ /announce.php/KEY /announce;jsessionid=1", routeAnnounce},
		{"/announce%20 /announce%20%20 /announce%00 /announce%0D%0A /announce%09/ /announce%2F /announce%22 /announce%", routeAnnounce},
		{"/%61nnounce /announc%65 /%2Fannounce /%20announce /%20/announce", routeAnnounce},
		{"/KEY/announce /KEY/announce.php /KEY/announce%20 /KEY//announce/ /KEY%2Fannounce /x/y/announce /./announce", routeAnnounce},
		{"/KEY/announce/%20 /KEY/%20announce /scrape/announce /scKEY/announce", routeAnnounce},
		{"/scrape /scrape/ /scrape.php /scrape.jsp //scrape /scrape%20 /scrape%0a /sc /scr /scanner /scrape/KEY /scrape2", routeScrape},
		{"/KEY/scrape /abc/scrape /announce/scrape /abc/scrape.php /abc/scrape%20 /abc%2fscrape/ /KEY//scrape", routeScrape},
		{"/ // /// /%20 /%2F /%20/%09/", routeRoot},
		{"/stats /s /S /SC /Announce /ANNOUNCE /favicon.ico /KEY /KEY/announcer /KEY/announce2 /KEY/scrapes /KEY/scrape_all", routeNone},
		{"/x/a /x/sc /KEY/announce/KEY /.announce /%22announce /~a /1announce /xannounce /.", routeNone},
	}
	for _, test := range tests {
		for _, path := range strings.Fields(test.paths) {
			if got := routeOf(path); got != test.want {
				t.Errorf("%s: %d, want %d", path, got, test.want)
			}
		}
	}
}

// TestKeyMayBeginWithAnything: what stands before the last element does not
// matter if that is a word that decides.
func TestKeyMayBeginWithAnything(t *testing.T) {
	for c := byte(' ' + 1); c < 0x7f; c++ {
		if c == '/' {
			continue
		}
		key := string(c) + "cKEY"
		if routeOf("/"+key+"/announce") != routeAnnounce || routeOf("/"+key+"/scrape") != routeScrape {
			t.Errorf("with the key %q", key)
		}
	}
}

// FuzzRouteOf compares with regular expressions on the path unescaped.
func FuzzRouteOf(f *testing.F) {
	for _, s := range []string{"/announce", "/abc/scrape%20", "//a%2f%00/", "/sc.", "/%", "/ /\x7f/announce\xff", "/%61%2e", ""} {
		f.Add(s)
	}
	const before, after = `(?s)^(.*/)?[\x00- \x7f]*`, `([^-\w/][^/]*)?[/\x00- \x7f]*$`
	last := map[route]*regexp.Regexp{
		routeAnnounce: regexp.MustCompile(before + "announce" + after),
		routeScrape:   regexp.MustCompile(before + "scrape" + after),
	}
	root := regexp.MustCompile(`(?s)^[/\x00- \x7f]*$`)
	first := map[route]*regexp.Regexp{
		routeAnnounce: regexp.MustCompile(`(?s)^[/\x00- \x7f]*a`),
		routeScrape:   regexp.MustCompile(`(?s)^[/\x00- \x7f]*sc`),
	}
	f.Fuzz(func(t *testing.T, path string) {
		plain, err := url.PathUnescape(path)
		if err != nil {
			return // a percent sign starts no escape
		}
		want := routeNone
		switch {
		case path == "":
			want = routeInvalid
		case root.MatchString(plain):
			want = routeRoot
		case last[routeAnnounce].MatchString(plain):
			want = routeAnnounce
		case last[routeScrape].MatchString(plain):
			want = routeScrape
		case first[routeAnnounce].MatchString(plain):
			want = routeAnnounce
		case first[routeScrape].MatchString(plain):
			want = routeScrape
		}
		if got := routeOf(path); got != want {
			t.Errorf("%q: %d, want %d", path, got, want)
		}
	})
}

func TestSplitTarget(t *testing.T) {
	tests := []struct {
		target, path, query string
	}{
		{"/announce?a=b?c", "/announce", "a=b?c"},
		{"/", "/", ""},
		{"//x/y", "//x/y", ""},
		{"?a", "", ""},
		{"http://h:1/announce?a", "/announce", "a"},
		{"HTTP://h?a/b", "/", "a/b"},
		{"http://", "/", ""},
		{"https://h/announce", "", ""},
		{"*", "", ""},
		{"h:443", "", ""},
	}
	for _, test := range tests {
		path, query := splitTarget(test.target)
		if path != test.path || query != test.query {
			t.Errorf("%s: got %q, %q", test.target, path, query)
		}
	}
}

// TestIsAnnounce: the route decides, not what the query has.
func TestIsAnnounce(t *testing.T) {
	h := newHandler(Options{}, newTracker())
	for target, want := range map[string]bool{
		"/announce?info_hash=x":                true,
		"/announce":                            true,
		"/?info_hash=x":                        true,
		"/?peer_id=abcdefghijabcdefghij":       false,
		"/scrape?peer_id=aaaaabbbbbcccccddddd": false,
		"/favicon.ico?info_hash=x":             false,
	} {
		q := h.request(methodGet, target, addr1, nil, nil)
		post := h.request("POST", target, addr1, nil, nil)
		if q.isAnnounce() != want || post.isAnnounce() {
			t.Errorf("%s: %v, want %v; with POST %v", target, q.isAnnounce(), want, post.isAnnounce())
		}
	}
}
