package main

import (
	"crypto/sha1"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keeptrack/tracker"
)

// TestTorrentsByAnyName: magnet links and .torrent files do wherever a hash does.
func TestTorrentsByAnyName(t *testing.T) {
	const info = "d6:lengthi1e4:name1:x12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaae"
	hash := tracker.InfoHash(sha1.Sum([]byte(info)))
	file := filepath.Join(t.TempDir(), "x.torrent")
	if err := os.WriteFile(file, []byte("d4:info"+info+"e"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := start(t, testSettings(t.TempDir()).with(settings{"access.mode": `"deny"`}))
	url := d.urls()["udp IPv4"]
	runWith(t, statusDone, "announce", url, file, "--left", "0")
	row := hash.String() + " seeders 1 leechers 0 downloaded 0\n"
	if got := runWith(t, statusDone, "scrape", url, "magnet:?xt=urn:btih:"+hash.String(), file); got.stdout != row {
		t.Errorf("got %+v, want %q once", got, row)
	}
	if got := runWith(t, statusDone, "access", "refuse", "--admin", d.base(), file); !strings.HasPrefix(got.stdout, hash.String()+"  refused") {
		t.Errorf("got %+v", got)
	}
	// Over UDP too a refusal is told from a torrent without peers.
	for name, url := range d.urls() {
		if got := runWith(t, statusFailed, "announce", url, file); !strings.Contains(got.stderr, "refuse") {
			t.Errorf("%s: %+v", name, got)
		}
	}
	runWith(t, statusDone, "announce", url, hashOf("a torrent without peers").String(), "--port", "0")
}

// TestCA: certificates of one's own authority are trusted if it is named.
func TestCA(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("d8:intervali1800e5:peers0:e")) }))
	t.Cleanup(s.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	url := s.URL + "/announce"
	if got := keeptrack("announce", url, anyHash, "--ca", ca); got.status != statusDone || !strings.HasPrefix(got.stdout, "interval 30m0s\n") {
		t.Errorf("with it: %+v", got)
	}
	if got := keeptrack("announce", url, anyHash); got.status != statusFailed || !strings.Contains(got.stderr, "certificate") {
		t.Errorf("without: %+v", got)
	}
	for _, file := range []string{os.DevNull, "missing"} {
		if got := keeptrack("scrape", url, anyHash, "--ca", file); got.status != statusUsage || !strings.Contains(got.stderr, file) {
			t.Errorf("%s: %+v", file, got)
		}
	}
}
