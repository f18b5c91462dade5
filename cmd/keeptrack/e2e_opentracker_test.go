package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"keeptrack/cmd/testenv"
	"keeptrack/tracker"
	"keeptrack/tracker/bep15"
)

// TestStatsAreOpentrackers sends the same requests to opentracker and to a
// daemon, and compares what they say in every mode.
func TestStatsAreOpentrackers(t *testing.T) {
	hashes := everyByte()
	var list strings.Builder
	for _, h := range hashes {
		fmt.Fprintln(&list, h)
	}
	dir := t.TempDir()
	whitelist := filepath.Join(dir, "white")
	if err := os.WriteFile(whitelist, []byte(list.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	theirs := startOpentracker(t, dir)
	d := start(t, testSettings(t.TempDir()).with(settings{
		"access.mode": `"allow"`, "access.file": fmt.Sprintf("%q", whitelist),
	}))
	sameLoad(t, theirs, theirs, hashes)
	sameLoad(t, d.http4, d.udp4, hashes)
	for _, query := range []string{
		"", "?mode=peer", "?mode=torr", "?mode=conn", "?mode=scrp", "?mode=udp4", "?mode=tcp4", "?mode=completed",
		"?mode=syncs", "?mode=top10", "?mode=top100", "?mode=renew", "?mode=everything", "?mode=statedump",
		"?mode=tpbs&format=txt", "?mode=tpbs&format=txtp", "?mode=tpbs&format=url", "?mode=tpbs&format=ben",
		"?mode=tpbs&format=bin", "?mode=nonsense", "?other=1",
	} {
		wantStatus, want := statsOf(t, theirs, query)
		status, got := statsOf(t, d.admin, query)
		if status != wantStatus || got != want {
			t.Errorf("/stats%s: keeptrack %d\n%q\nopentracker %d\n%q", query, status, got, wantStatus, want)
		}
	}
}

// everyByte returns info hashes that have every byte between them.
func everyByte() (hashes []tracker.InfoHash) {
	for i := range 13 {
		var h tracker.InfoHash
		for j := range h {
			h[j] = byte(i*len(h) + j)
		}
		hashes = append(hashes, h)
	}
	return hashes
}

// startOpentracker runs opentracker with the whitelist in dir on a loopback
// address, which is returned, until the test ends.
func startOpentracker(t *testing.T, dir string) (address string) {
	t.Helper()
	testenv.NeedProgram(t, "opentracker")
	address = fmt.Sprintf("127.0.0.1:%d", freePort(t))
	// Started by root, it sees no other directory than this.
	config := configFile(t, fmt.Sprintf("listen.tcp_udp %s\naccess.whitelist white\naccess.stats 127.0.0.1\n"+
		"tracker.rootdir %s\ntracker.user nobody\n", address, dir))
	ended := startForeign(t, "opentracker", exec.Command("opentracker", "-f", config))
	waitFor(t, "opentracker", func() bool {
		select {
		case <-ended:
			t.Fatal("opentracker ended at its start")
		default:
		}
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return address
}

// sameLoad sends the requests that are counted, all of them as both trackers
// take them.
func sameLoad(t *testing.T, web, datagrams string, hashes []tracker.InfoHash) {
	t.Helper()
	ask := func(path string) { speak(t, web, "GET "+path+" HTTP/1.0\r\n\r\n") }
	announce := func(hash tracker.InfoHash, port, left int, event string) {
		ask(fmt.Sprintf("/announce?info_hash=%s&peer_id=aaaaaaaaaaaaaaaaaaaa&port=%d&uploaded=0&downloaded=0&left=%d&compact=1&event=%s",
			escaped(hash), port, left, event))
	}
	for i, h := range hashes {
		for p := range 1 + i%4 {
			announce(h, 6881+p, p%2, "started")
		}
	}
	announce(hashes[3], 6881, 0, "completed")
	announce(hashes[3], 6881, 0, "completed")
	announce(hashes[5], 6882, 0, "completed")
	announce(hashes[7], 6884, 1, "stopped")
	announce(hashOf("not on the list"), 6881, 1, "started")
	ask("/scrape?info_hash=" + escaped(hashes[0]) + "&info_hash=" + escaped(hashes[1]))
	ask("/announce?info_hash=short&port=6881")
	ask("/announce?info_hash=" + escaped(hashes[0]) + "&port=99999")
	ask("/nowhere")
	speak(t, web, "HELLO\r\n\r\n")

	w := newLone(t, datagrams)
	for i, event := range []uint32{uint32(tracker.EventCompleted), uint32(tracker.EventStarted), 0} {
		w.ask(bep15.AnnounceRequest{
			ConnectionID: w.id, InfoHash: hashes[2], Left: uint64(i), Event: event, NumWant: -1, Port: uint16(7001 + i),
		}.Append(nil))
	}
	w.ask(bep15.ScrapeRequest{ConnectionID: w.id, InfoHashes: append(hashes[0][:], hashes[1][:]...)}.Append(nil))
	w.ask(bep15.ScrapeRequest{ConnectionID: ^w.id, InfoHashes: hashes[0][:]}.Append(nil))
}

// apart is where the two may differ: in what the moment of asking decides, in
// what names the tracker, and in the requests for statistics themselves, which
// opentracker counts as it has one port for all.
var apart = []struct {
	in *regexp.Regexp
	by string
}{
	{regexp.MustCompile(`\d+ seconds \(\d+ hours\)`), "SECONDS"},
	{regexp.MustCompile(`\d+ (conns|success|scrape|completed)/`), "RATE $1/"},
	{regexp.MustCompile(`(?s)<tracker_id>.*</uptime>`), "NAME"},
	{regexp.MustCompile(`<accept>\d+<`), "<accept>N<"},
	{regexp.MustCompile(`(?m)^([0-9A-F]{40}):\d{8}:`), "$1:MINUTE:"},
}

// statsOf reads /stats, without that which may differ. It takes a connection
// for each request, since opentracker leaves further ones unanswered.
func statsOf(t *testing.T, address, query string) (status int, body string) {
	t.Helper()
	reply := speak(t, address, "GET /stats"+query+" HTTP/1.0\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(reply)), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	in := io.Reader(resp.Body)
	if resp.Header.Get("Content-Encoding") == "gzip" {
		if in, err = gzip.NewReader(in); err != nil {
			t.Fatal(err)
		}
	}
	text, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	body = string(text)
	for _, a := range apart {
		body = a.in.ReplaceAllString(body, a.by)
	}
	if query == "?mode=conn" || query == "?mode=tcp4" { // the first line counts connections
		_, body, _ = strings.Cut(body, "\n")
	}
	return resp.StatusCode, body
}

// readings are what testdata/opentracker_readers.py prints.
type readings struct {
	Path, Position map[string]int
	Line           struct {
		Peers, Seeds, Torrents int
		Name                   string
	}
	Order []string
}

// readStats runs the readers on a daemon's /stats.
func (d *instance) readStats() (r readings) {
	d.t.Helper()
	out, err := exec.Command("/usr/bin/python3", filepath.Join("testdata", "opentracker_readers.py"), d.admin).Output()
	if err != nil {
		d.t.Fatalf("%v\n%s", err, errorOutput(err))
	}
	if err := json.Unmarshal(out, &r); err != nil {
		d.t.Fatal(err)
	}
	return r
}

func errorOutput(err error) []byte {
	if exit, ok := err.(*exec.ExitError); ok {
		return exit.Stderr
	}
	return nil
}

// elementOrder is the order of opentracker's elements.
var elementOrder = strings.Fields(`stats tracker_id version uptime torrents count_mutex count_iterator peers count seeds count
	completed count connections tcp accept announce scrape udp overall connect announce scrape missmatch livesync count
	debug renew ` + strings.Repeat("count ", 45) + `http_error ` + strings.Repeat("count ", 9) + `mutex_stall count`)

// TestReadersOfOpentrackersStats puts a known load on a daemon and has its
// numbers read by those who know opentracker only.
func TestReadersOfOpentrackersStats(t *testing.T) {
	testenv.Need(t, "run Python", exec.Command("/usr/bin/python3", "--version").Run())
	g := newMulticastGroup(t)
	d := start(t, g.member(settings{
		"http.redirect_url": `"http://127.0.0.1/"`,
		"access.mode":       `"deny"`,
		"access.file":       fmt.Sprintf("%q", listed(t, "refused")),
	}))
	knownLoad(t, g, d)
	got := d.readStats()

	want := map[string]int{
		"torrents/count_mutex": 3, "torrents/count_iterator": 3, "peers/count": 4, "seeds/count": 2, "completed/count": 1,
		"connections/tcp/accept": 9, "connections/tcp/announce": 3, "connections/tcp/scrape": 1,
		"connections/udp/overall": 5, "connections/udp/connect": 1, "connections/udp/announce": 2,
		"connections/udp/scrape": 1, "connections/udp/missmatch": 1, "connections/livesync/count": 1,
		"renew 00": 1, "error 302 Redirect": 1, "error 400 Parse Error": 2, "error 400 Invalid Parameter": 1,
		"error 404 Not found": 1,
	}
	delete(got.Path, "uptime")
	for _, path := range slices.Sorted(maps.Keys(got.Path)) {
		if got.Path[path] != want[path] {
			t.Errorf("by path, %s is %d, want %d", path, got.Path[path], want[path])
		}
	}
	if len(got.Path) != 15+45+9 {
		t.Errorf("%d elements by path", len(got.Path))
	}
	delete(got.Position, "uptime")
	byPosition := map[string]int{"torrents": 3, "peers": 4, "seeds": 2, "completed": 1, "udp announces": 2}
	if !maps.Equal(got.Position, byPosition) {
		t.Errorf("by position %v, want %v", got.Position, byPosition)
	}
	if l := got.Line; l.Peers != 4 || l.Seeds != 2 || l.Torrents != 3 || l.Name != "opentracker" {
		t.Errorf("by line %+v", l)
	}
	if !slices.Equal(got.Order, elementOrder) {
		t.Errorf("elements in order %v", got.Order)
	}
}

// knownLoad sends one of each that /stats counts; TestReadersOfOpentrackersStats
// has the sums.
func knownLoad(t *testing.T, g *group, d *instance) {
	t.Helper()
	ask := func(path string) { speak(t, d.http4, "GET "+path+" HTTP/1.0\r\n\r\n") }
	announce := func(hash tracker.InfoHash, more string) {
		ask("/announce?info_hash=" + escaped(hash) + "&uploaded=0&downloaded=0" + more)
	}
	first, second := hashOf("first"), hashOf("second")
	announce(first, "&port=6881&left=0&event=completed")
	announce(first, "&port=6881&left=0") // renews
	announce(hashOf("refused"), "&port=6881&left=0")
	ask("/scrape?info_hash=" + escaped(first) + "&info_hash=" + escaped(second))
	ask("/")
	ask("/nowhere")
	ask("/announce?info_hash=short&port=6881")
	speak(t, d.http4, "HELLO\r\n\r\n")
	speak(t, d.http4, "POST /announce HTTP/1.0\r\n\r\n")

	w := newLone(t, d.udp4)
	w.ask(bep15.AnnounceRequest{ConnectionID: w.id, InfoHash: first, Left: 1, Port: 6882}.Append(nil))
	w.ask(bep15.AnnounceRequest{ConnectionID: w.id, InfoHash: second, Left: 1, Port: 6883}.Append(nil))
	w.ask(bep15.ScrapeRequest{ConnectionID: w.id, InfoHashes: append(first[:], second[:]...)}.Append(nil))
	w.ask(bep15.ScrapeRequest{ConnectionID: ^w.id, InfoHashes: first[:]}.Append(nil))
	third := hashOf("third")
	g.send("127.0.0.1", fmt.Sprintf("0badcafe00000000%x7f0000011ae48000", third[:]))
	d.waitMetric(`keeptrack_torrents`, 3)
}

// escaped returns the info hash as it is in a URL.
func escaped(h tracker.InfoHash) string {
	var text strings.Builder
	for _, b := range h {
		fmt.Fprintf(&text, "%%%02x", b)
	}
	return text.String()
}

// lone is a wire that never sends twice, for counting.
type lone struct{ *wire }

// newLone opens a socket and gets a connection id.
func newLone(t *testing.T, address string) lone {
	t.Helper()
	l := lone{dialWire(t, address)}
	r, err := bep15.ParseConnectReply(l.ask(bep15.ConnectRequest{}.Append(nil)))
	if err != nil {
		t.Fatal(err)
	}
	l.id = r.ConnectionID
	return l
}

// ask sends a request and waits for the reply.
func (l lone) ask(request []byte) []byte {
	l.t.Helper()
	l.send(request)
	buf := make([]byte, 2048)
	n := 0
	waitFor(l.t, "a reply", func() (ok bool) {
		n, ok = l.receive(buf)
		return ok
	})
	return buf[:n]
}

// TestStateDumpIsImported moves the counts of a running daemon into another
// database as text.
func TestStateDumpIsImported(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	all := newLibrary(5000)
	all.save(t, from)
	d := start(t, testSettings(from))
	resp, err := d.client.Get("http://" + d.admin + "/stats?mode=statedump")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := os.Create(filepath.Join(to, "statedump.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	if _, err := io.Copy(text, resp.Body); err != nil {
		t.Fatal(err)
	}
	if out := runProgram(t, to, "db", "import", "keeptrack.db", text.Name()); out.status != statusDone {
		t.Fatalf("%+v", out)
	}
	all.wantIn(t, to, 1)
}

// TestStatsCountWhoMayNotSeeThem asks with the wrong token, then with the right
// one.
func TestStatsCountWhoMayNotSeeThem(t *testing.T) {
	d := start(t, testSettings(t.TempDir()).with(settings{"admin.token": `"a-token-of-the-tests"`}))
	ask := func(token string) string {
		return speak(t, d.admin, "GET /stats?mode=herr HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer "+token+"\r\n\r\n")
	}
	if got := ask("another-token"); !strings.HasPrefix(got, "HTTP/1.1 401 ") {
		t.Errorf("%q", got)
	}
	if got := ask("a-token-of-the-tests"); !strings.Contains(got, "\n403 IP  1\n") {
		t.Errorf("%q", got)
	}
}

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
	for _, address := range []string{theirs, d.http4} {
		speak(t, address, bare(target)) // so that scrapes have something to tell
	}
	for request, want := range requests {
		for name, address := range map[string]string{"opentracker": theirs, "keeptrack": d.http4} {
			reply := speak(t, address, request)
			if !strings.HasPrefix(reply, "HTTP/1.1 200 OK\r\n") || !strings.Contains(reply, want) || !strings.Contains(reply, "complete") {
				t.Errorf("%s answers %q with %q", name, request, reply)
			}
		}
	}
}
