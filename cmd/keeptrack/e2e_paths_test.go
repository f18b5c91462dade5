package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// bare is a request for path and query as clients send it that know little of
// HTTP.
func bare(target string) string { return "GET " + target + " HTTP/1.0\r\n\r\n" }

// TestPathsInTorrents asks for what torrents name as their tracker.
func TestPathsInTorrents(t *testing.T) {
	d := start(t, testSettings(t.TempDir()).with(settings{"http.redirect_url": `"https://example.org/"`}))
	paths := map[string]string{
		"/a": "announce", "/ann": "announce", "//announce": "announce", "/announce%20": "announce", "/announce.jsp": "announce",
		"/announce.php": "announce", "/announce/": "announce", "/announce/KEY": "announce", "/%61nnounce": "announce", "/": "announce", "//": "announce",
		"/sc": "scrape", "/scrape%20": "scrape", "/scrape.php": "scrape", "//scrape/": "scrape",
		"/s": "", "/stats": "", "/favicon.ico": "", "/KEY": "",
	}
	for c := 'a'; c <= 'z'; c++ {
		key := "/" + string(c) + "bc"
		for _, key := range []string{key, strings.ToUpper(key)} {
			paths[key+"/announce"], paths[key+"/announce.php"] = "announce", "announce"
			paths[key+"/scrape"], paths[key+"/scrape%0d%0a"] = "scrape", "scrape"
		}
	}
	for path, want := range paths {
		reply := speak(t, d.http4, bare(path+"?port=6881&info_hash="+escaped(hashOf(path))))
		got := ""
		switch {
		case strings.Contains(reply, "\r\n\r\nd8:complete"):
			got = "announce"
		case strings.Contains(reply, "\r\n\r\nd5:files"):
			got = "scrape"
		case !strings.HasPrefix(reply, "HTTP/1.1 404"):
			got = reply
		}
		if got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if reply := speak(t, d.http4, bare("/")); !strings.Contains(reply, "302 Found\r\n") {
		t.Errorf("/ of a browser: %q", reply)
	}
	resp, err := http.Head("http://" + d.http4 + "/announce?info_hash=" + escaped(hashOf("/a")))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.ContentLength < 50 || resp.Header.Get("Content-Type") != "text/plain" {
		t.Errorf("HEAD: %s, %d bytes, %v", resp.Status, resp.ContentLength, resp.Header)
	}
}

// TestAnswersWhatOpentrackerAnswers: each of these requests has an answer of
// opentracker, as an announce or a scrape, and has the same of us.
func TestAnswersWhatOpentrackerAnswers(t *testing.T) {
	dir, hash := t.TempDir(), hashOf("any")
	if err := os.WriteFile(filepath.Join(dir, "white"), []byte(hash.String()+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	theirs := startOpentracker(t, dir)
	d := start(t, testSettings(t.TempDir()))
	const announce, scrape = "\r\n\r\nd8:", "\r\n\r\nd5:files"
	requests := map[string]string{}
	for _, path := range []string{"/a", "/ann", "//announce", "/announce%20", "/announce.jsp", "/announce/KEY", "/%61nnounce"} {
		requests[bare(path+"?port=6881&info_hash="+escaped(hash))] = announce
	}
	for _, path := range []string{"/sc", "/scrape%20", "//scrape", "/scrape.php", "/scrape/KEY"} {
		requests[bare(path+"?info_hash="+escaped(hash))] = scrape
	}
	target := "/announce?port=6881&info_hash=" + escaped(hash)
	for _, more := range []string{
		"", "&uploaded=-5", "&uploaded=much", "&downloaded=", "&downloaded=1.5", "&left=-1", "&left=all", "&event=", "&event=other",
	} {
		requests[bare(target+more)] = announce
	}
	for _, line := range []string{"HTTP/1.1\r\n", "HTTP/1.1\r\nUser-Agent: x\r\n", "HTTP/0.9\r\n"} {
		requests["GET "+target+" "+line+"Connection: close\r\n\r\n"] = announce
	}
	requests["GET "+target+"\r\n\r\n"] = announce
	requests["GET "+target+"\n\n"] = announce
	requests["GET "+target+"\r\nHost: x\r\n\r\n"] = announce
	for request, want := range requests {
		for name, address := range map[string]string{"opentracker": theirs, "keeptrack": d.http4} {
			reply := speak(t, address, request)
			if !strings.HasPrefix(reply, "HTTP/1.1 200 OK\r\n") || !strings.Contains(reply, want) || !strings.Contains(reply, "complete") {
				t.Errorf("%s answers %q with %q", name, request, reply)
			}
		}
	}
}
