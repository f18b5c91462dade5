package main

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
)

const anyHash = "5024e27a65da1e1ea6dc6a51168cb2d710cfc5e6"

// trackerAnswering serves one body at every path and returns the announce URL.
func trackerAnswering(t *testing.T, body string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(body)) }))
	t.Cleanup(s.Close)
	return s.URL + "/announce"
}

const fullReply = "d8:completei1e10:downloadedi7e11:external ip4:\x7f\x00\x00\x0110:incompletei2e8:intervali1800e" +
	"12:min intervali900e5:peers12:\xc0\x00\x02\x01\x1a\xe1\xc6\x33\x64\x02\xc8\xd5e"

func TestAnnouncePrintsAFactALine(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{
			"everything", fullReply,
			"interval 30m0s\nmin interval 15m0s\nseeders 1\nleechers 2\ndownloaded 7\nexternal ip 127.0.0.1\n" +
				"peer 192.0.2.1:6881\npeer 198.51.100.2:51413\n",
		},
		{"the least", "d8:intervali1800e5:peers0:e", "interval 30m0s\nseeders 0\nleechers 0\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := keeptrack("announce", trackerAnswering(t, c.body), anyHash); got != (outcome{statusDone, c.want, ""}) {
				t.Errorf("got %+v, want %q", got, c.want)
			}
		})
	}
}

func TestAnnounceJSON(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{
			"everything", fullReply,
			`{"interval":1800,"min_interval":900,"seeders":1,"leechers":2,"downloaded":7,"external_ip":"127.0.0.1",` +
				`"peers":["192.0.2.1:6881","198.51.100.2:51413"]}`,
		},
		{"the least", "d8:intervali1800e5:peers0:e", `{"interval":1800,"seeders":0,"leechers":0,"peers":[]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := keeptrack("announce", "--json", trackerAnswering(t, c.body), anyHash)
			if got != (outcome{statusDone, c.want + "\n", ""}) {
				t.Errorf("got %+v, want %s", got, c.want)
			}
		})
	}
}

func TestScrapePrintsALinePerTorrent(t *testing.T) {
	body := "d5:filesd20:" + strings.Repeat("\x00", 20) + "d8:completei11e10:downloadedi13772e10:incompletei19eeee"
	zero := strings.Repeat("0", 40)
	url := trackerAnswering(t, body)
	want := zero + " seeders 11 leechers 19 downloaded 13772\n" + anyHash + " missing\n"
	if got := keeptrack("scrape", url, zero, anyHash); got != (outcome{statusDone, want, ""}) {
		t.Errorf("got %+v, want %q", got, want)
	}
	got := keeptrack("scrape", "--json", url, zero, anyHash)
	if got.status != statusDone || got.stderr != "" {
		t.Fatalf("got %+v", got)
	}
	var rows []map[string]any
	for d := json.NewDecoder(strings.NewReader(got.stdout)); d.More(); {
		var row map[string]any
		if err := d.Decode(&row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	wantRows := []map[string]any{
		{"info_hash": zero, "seeders": 11.0, "leechers": 19.0, "downloaded": 13772.0},
		{"info_hash": anyHash, "missing": true, "seeders": 0.0, "leechers": 0.0, "downloaded": 0.0},
	}
	if !reflect.DeepEqual(rows, wantRows) {
		t.Errorf("got %s", got.stdout)
	}
}

func TestClientCommandsRefuseWrongUsage(t *testing.T) {
	const url = "udp://127.0.0.1:1"
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"announce without a hash", []string{"announce", url}, "HASH is missing"},
		{"announce of no hash", []string{"announce", url, "abc"}, "abc: not an info hash"},
		{"announce to no URL", []string{"announce", "127.0.0.1:6969", anyHash}, "127.0.0.1:6969: a tracker's URL starts with udp://"},
		{"unknown event", []string{"announce", url, anyHash, "--event", "begun"}, `unknown event "begun"`},
		{"short peer id", []string{"announce", url, anyHash, "--peer-id", "x"}, "a peer id has 20 bytes"},
		{"long peer id", []string{"announce", url, anyHash, "--peer-id", strings.Repeat("x", 21)}, "a peer id has 20 bytes"},
		{"port beyond 16 bits", []string{"announce", url, anyHash, "--port", "65536"}, "--port must be a whole number from 0 to 65535"},
		{"scrape without a hash", []string{"scrape", url}, "HASH is missing"},
		{"scrape of no hash", []string{"scrape", url, anyHash, "abc"}, "abc: not an info hash"},
		{"scrape of no URL", []string{"scrape", "ftp://127.0.0.1/", anyHash}, "ftp://127.0.0.1/"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := keeptrack(c.args...)
			if got.status != statusUsage || got.stdout != "" || !strings.Contains(got.stderr, c.want) {
				t.Errorf("got %+v, want status %d and %q", got, statusUsage, c.want)
			}
		})
	}
}

func TestClientCommandsFailWithStatus1(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"refused", []string{"announce", trackerAnswering(t, "d14:failure reason2:noe"), anyHash}, `keeptrack: the tracker refuses: "no"`},
		{"scrape refused", []string{"scrape", trackerAnswering(t, "d14:failure reason2:noe"), anyHash}, `keeptrack: the tracker refuses: "no"`},
		{"not a tracker", []string{"announce", trackerAnswering(t, "hello"), anyHash}, "keeptrack: the tracker's answer: "},
		{
			"no answer", []string{"announce", "udp://" + silent.LocalAddr().String(), anyHash, "--timeout", "20ms"},
			"keeptrack: no answer from " + silent.LocalAddr().String(),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := keeptrack(c.args...)
			if got.status != statusFailed || got.stdout != "" || !strings.HasPrefix(got.stderr, c.want) {
				t.Errorf("got %+v, want status %d and %q", got, statusFailed, c.want)
			}
		})
	}
}

// TestClientCommandsAgainstTheDaemon is the session that README shows.
func TestClientCommandsAgainstTheDaemon(t *testing.T) {
	d := start(t, testSettings(t.TempDir()))
	dir := t.TempDir()
	for name, url := range d.urls() {
		t.Run(name, func(t *testing.T) {
			hash := hashOf(name).String()
			address := "127.0.0.1"
			if strings.HasSuffix(name, "IPv6") {
				address = "[::1]"
			}
			if got := runProgram(t, dir, "announce", url, hash, "--left", "0"); got.status != statusDone {
				t.Fatalf("got %+v", got)
			}
			got := runProgram(t, dir, "announce", url, hash, "--port", "6882", "--event", "completed", "--left", "0", "--numwant", "5")
			if got.status != statusDone || strings.Contains(got.stdout, "\npeer ") {
				t.Errorf("a seeder got %+v", got)
			}
			got = runProgram(t, dir, "announce", url, hash, "--port", "6883")
			for _, line := range []string{
				"\nseeders 2\n", "\nleechers 1\n", "\npeer " + address + ":6881\n", "\npeer " + address + ":6882\n",
			} {
				if !strings.Contains(got.stdout, line) {
					t.Errorf("%q is missing in\n%s", line, got.stdout)
				}
			}
			got = runProgram(t, dir, "announce", url, hash, "--event", "stopped")
			if got.status != statusDone {
				t.Errorf("got %+v", got)
			}
			got = runProgram(t, dir, "scrape", url, hash)
			if want := hash + " seeders 1 leechers 1 downloaded 1\n"; got != (outcome{statusDone, want, ""}) {
				t.Errorf("got %+v, want %q", got, want)
			}
		})
	}
}
