package client

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"keeptrack/tracker"
)

// serveHTTP answers every request with body and returns the server's URL and
// where the last request's URI is found.
func serveHTTP(t *testing.T, status int, body string) (base string, uri *string) {
	t.Helper()
	uri = new(string)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*uri = r.RequestURI
		w.WriteHeader(status)
		w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	return s.URL, uri
}

// TestFullScrapeGivesUp on a tracker that says nothing, or nothing more.
func TestFullScrapeGivesUp(t *testing.T) {
	for _, begins := range []bool{false, true} {
		end := make(chan struct{})
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if begins {
				w.Write([]byte("d5:filesd"))
				http.NewResponseController(w).Flush()
			}
			<-end
		}))
		_, err := new(Client).FullScrape(t.Context(), s.URL+"/announce", 50*time.Millisecond)
		if err == nil || !strings.HasPrefix(err.Error(), "nothing came from 127.0.0.1:") {
			t.Errorf("got %v", err)
		}
		close(end)
		s.Close()
	}
}

func unhex(t *testing.T, s string) string {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAnnounceHTTPBodies(t *testing.T) {
	seven := uint64(7)
	for _, c := range []struct {
		name, hex string
		want      Reply
	}{
		{
			"compact",
			"64383a636f6d706c65746569316531303a646f776e6c6f6164656469376531303a696e636f6d706c657465693265383a696e74657276616c69313830306531323a6d696e20696e74657276616c6939303065353a706565727331323ac00002011ae1c6336402c8d565",
			Reply{
				Interval: 30 * time.Minute, MinInterval: 15 * time.Minute, Seeders: 1, Leechers: 2, Downloaded: &seven,
				Peers: peers("192.0.2.1:6881", "198.51.100.2:51413"),
			},
		},
		{
			"dictionaries",
			"64383a636f6d706c65746569316531303a696e636f6d706c657465693265383a696e74657276616c693138303065353a70656572736c64323a6970393a3139322e302e322e31343a706f72746936383831656564323a697031313a323030313a6462383a3a31343a706f7274693638383165656565",
			Reply{Interval: 30 * time.Minute, Seeders: 1, Leechers: 2, Peers: peers("192.0.2.1:6881", "[2001:db8::1]:6881")},
		},
		{
			"no peers", "64383a696e74657276616c693138303065353a7065657273303a65",
			Reply{Interval: 30 * time.Minute},
		},
		{
			"peers6 and external ip", hex.EncodeToString([]byte("d11:external ip4:\x7f\x00\x00\x018:intervali300e5:peers0:6:peers618:\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x1a\xe1e")),
			Reply{Interval: 5 * time.Minute, ExternalIP: netip.MustParseAddr("127.0.0.1"), Peers: peers("[2001:db8::1]:6881")},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			base, _ := serveHTTP(t, http.StatusOK, unhex(t, c.hex))
			got, err := Announce(t.Context(), base+"/announce", Request{})
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, %v, want %+v", got, err, c.want)
			}
		})
	}
}

func TestAnnounceHTTPRequest(t *testing.T) {
	base, uri := serveHTTP(t, http.StatusOK, "d8:intervali1e5:peers0:e")
	req := Request{
		InfoHash: tracker.InfoHash([]byte("aZ9-._~ +%&=\x00\x7f\xff;/?#\n")),
		PeerID:   [20]byte([]byte("-KT0001-012345678901")),
		Port:     6881, Left: 1 << 63, Event: tracker.EventStarted, NumWant: 50,
	}
	if _, err := Announce(t.Context(), base+"/announce?passkey=a%20b", req); err != nil {
		t.Fatal(err)
	}
	want := "/announce?passkey=a%20b&info_hash=aZ9-._~%20%2B%25%26%3D%00%7F%FF%3B%2F%3F%23%0A&peer_id=-KT0001-012345678901" +
		"&port=6881&uploaded=0&downloaded=0&left=9223372036854775808&compact=1&event=started&numwant=50"
	if *uri != want {
		t.Errorf("got  %s\nwant %s", *uri, want)
	}
}

func TestAnnounceHTTPLeavesOutWhatIsNotSaid(t *testing.T) {
	base, uri := serveHTTP(t, http.StatusOK, "d8:intervali1e5:peers0:e")
	if _, err := Announce(t.Context(), base+"/announce", Request{NumWant: -1}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(*uri, "event") || strings.Contains(*uri, "numwant") {
		t.Errorf("got %s", *uri)
	}
}

func TestHTTPErrors(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"failure reason", 200, "d14:failure reason21:info_hash not allowede", `the tracker refuses: "info_hash not allowed"`},
		{"status", 404, "d8:intervali1ee", "the tracker answers 404 Not Found"},
		{"a web page", 200, "<html>", "not bencoded"},
		{"no dictionary", 200, "i1e", errBody.Error()},
		{"negative count", 200, "d8:completei-1ee", "complete is not a count"},
		{"interval for ever", 200, "d8:intervali9223372036854775807ee", "interval is"},
		{"peers cut off", 200, "d5:peers5:12345e", "peers is not a string of 6-byte peers"},
		{"peers a number", 200, "d5:peersi1ee", "peers is not a string of 6-byte peers"},
		{"peer without address", 200, "d5:peersld4:porti1eeee", "a peer without address and port"},
		{"peer with a port beyond 16 bits", 200, "d5:peersld2:ip9:192.0.2.14:porti65536eeee", "a peer without address and port"},
		{"too long", 200, strings.Repeat("l", maxBody+1), "longer than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			base, _ := serveHTTP(t, c.status, c.body)
			r, err := Announce(t.Context(), base+"/announce", Request{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %+v, %v", r, err)
			}
		})
	}
}

func TestHTTPNobodyThere(t *testing.T) {
	base, _ := serveHTTP(t, http.StatusOK, "de")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Announce(ctx, base+"/announce", Request{})
	want := "no answer from " + strings.TrimPrefix(base, "http://") + ": "
	if !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v", err)
	}
}

func TestScrapeHTTP(t *testing.T) {
	known := tracker.InfoHash([]byte(unhex(t, "5024e27a65da1e1ea6dc6a51168cb2d710cfc5e6")))
	base, uri := serveHTTP(t, http.StatusOK, unhex(t, "64353a66696c65736432303a5024e27a65da1e1ea6dc6a51168cb2d710cfc5e664383a636f6d706c6574656931316531303a646f776e6c6f6164656469313337373265"+
		"31303a696e636f6d706c65746569313965656565"))
	rows, err := Scrape(t.Context(), base+"/x/announce.php", []tracker.InfoHash{{}, known})
	want := []Scraped{{Missing: true}, {InfoHash: known, Seeders: 11, Leechers: 19, Downloaded: 13772}}
	if err != nil || !reflect.DeepEqual(rows, want) {
		t.Errorf("got %+v, %v", rows, err)
	}
	if !strings.HasPrefix(*uri, "/x/scrape.php?info_hash=%00") || strings.Count(*uri, "info_hash=") != 2 {
		t.Errorf("asked for %s", *uri)
	}
}

func TestScrapeHTTPErrors(t *testing.T) {
	for _, c := range []struct{ name, body string }{
		{"no files", "de"},
		{"files no dictionary", "d5:filesi1ee"},
		{"row no dictionary", "d5:filesd20:" + strings.Repeat("\x00", 20) + "i1eee"},
		{"row with a negative count", "d5:filesd20:" + strings.Repeat("\x00", 20) + "d10:downloadedi-1eeee"},
	} {
		t.Run(c.name, func(t *testing.T) {
			base, _ := serveHTTP(t, http.StatusOK, c.body)
			if rows, err := Scrape(t.Context(), base+"/announce", make([]tracker.InfoHash, 1)); !errors.Is(err, errBody) {
				t.Errorf("got %+v, %v", rows, err)
			}
		})
	}
}

func TestScrapeURL(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"http://t/announce", "http://t/scrape"},
		{"http://t/announce.php", "http://t/scrape.php"},
		{"http://t/announce/", "http://t/scrape/"},
		{"http://t/announce/announce?announce=1", "http://t/announce/scrape?announce=1"},
		{"http://t/x%20y/announce", "http://t/x%20y/scrape"},
		{"http://t/scrape", "http://t/scrape"},
		{"http://t/a", ""},
		{"http://t/xannounce", ""},
		{"http://t", ""},
	} {
		t.Run(c.in, func(t *testing.T) {
			u, err := url.Parse(c.in)
			if err != nil {
				t.Fatal(err)
			}
			got, err := scrapeURL(u)
			if c.want == "" {
				if err == nil {
					t.Errorf("got %s", got)
				}
				return
			}
			if err != nil || got.String() != c.want {
				t.Errorf("got %s, %v", got, err)
			}
		})
	}
}

func TestCheckURL(t *testing.T) {
	for _, c := range []struct {
		in string
		ok bool
	}{
		{"udp://127.0.0.1:6969", true},
		{"udp://[::1]:6969/announce", true},
		{"http://tracker.example/announce", true},
		{"https://tracker.example/announce", true},
		{"udp://127.0.0.1", false},
		{"udp://:6969", false},
		{"http:///announce", false},
		{"ftp://127.0.0.1/announce", false},
		{"127.0.0.1:6969", false},
		{"", false},
		{"http://%zz/", false},
	} {
		if err := CheckURL(c.in); (err == nil) != c.ok {
			t.Errorf("%q: %v", c.in, err)
		}
	}
}

func TestParseEvent(t *testing.T) {
	for e := tracker.EventNone; e <= tracker.EventPaused; e++ {
		if got, err := ParseEvent(EventName(e)); err != nil || got != e {
			t.Errorf("%s: got %d, %v", EventName(e), got, err)
		}
	}
	if e, err := ParseEvent("begun"); err == nil {
		t.Errorf("got %d", e)
	}
}
