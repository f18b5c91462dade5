package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keeptrack/internal/testenv"
	"keeptrack/tracker"
	"keeptrack/tracker/bep15"
)

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
