package config

import (
	"strings"
	"testing"
)

// TestOneFaultHidesNoOther: what is no TOML, or there twice, is left out, and the
// rest read.
func TestOneFaultHidesNoOther(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string // beginnings of lines
	}{
		{"table again", "[tracker]\npeer_timeout = 1\n[udp]\nworkers = 3\n[tracker] # again\nmax_numwant = 0\nx = 1\n[foo]\na = 1",
			[]string{"f:2: tracker.peer_timeout: ", "f:5: Key 'tracker' has already been defined", "f:6: tracker.max_numwant: ", "f:7: tracker.x: unknown", "f:8: foo: unknown"}},
		{"values of one table", "[udp]\nworkers = 99999999999999999999\nreceive_buffer = yes\nbatch_delay = 'a\nlisten = [1,\n2\nconnection_secret = 1\n[log]\nlevel = \"\x1b\"\nformat = 1",
			[]string{"f:2: 99999999999999999999 is out of range", "f:3: expected value", "f:4: ", "f:7: ", "f:9: ", "f:10: log.format: "}},
		{"table a third time", "[log]\n[log]\nlevel = 1\n[log]\nformat = 2",
			[]string{"f:2: Key 'log'", "f:3: log.level: ", "f:4: Key 'log'", "f:5: log.format: "}},
		{"unknown table again", "[foo]\n[foo]\n[udp]\nworkers = -1",
			[]string{"f:1: foo: unknown table", "f:2: Key 'foo'", "f:4: udp.workers: "}},
		{"table that is a key", "http = 3\n[http]\nlisten = 4",
			[]string{"f:1: http: must be a table", "f:2: Key 'http'", "f:3: http.listen: "}},
		{"list of tables after a table", "[http]\nlisten = 4\n[[http]]\nlisten = 5\n[udp]\nworkers = -1",
			[]string{"f:2: http.listen: ", "f:3: Key 'http' was already created", "f:6: udp.workers: "}},
		{"key again", "[udp]\nworkers = -1\nworkers = 2\nbatch_delay = 1",
			[]string{"f:2: udp.workers: ", "f:3: Key 'udp.workers'", "f:4: udp.batch_delay: "}},
		{"key with a list again", "[udp]\nlisten = []\nlisten = [\n \"a\",\n]\nworkers = -1",
			[]string{"f:3: Key 'udp.listen'", "f:6: udp.workers: "}},
		{"no value", "[tracker]\npeer_timeout = 1\nmax_numwant =\n[udp]\nworkers = -1",
			[]string{"f:2: tracker.peer_timeout: ", "f:3: ", "f:5: udp.workers: "}},
		{"two lines that are nothing", "[tracker]\npeer_timeout = 1\nx y\n[udp]\nx y\n[http]\nlisten = 3",
			[]string{"f:2: tracker.peer_timeout: ", "f:3: ", "f:5: ", "f:7: http.listen: "}},
		{"list without an end", "[udp]\nlisten = [\n \"a\",\n[http]\nlisten = 3",
			[]string{"f:4: ", "f:5: http.listen: "}},
		{"text without an end", "[store]\npath = \"a\n[http]\nlisten = 3",
			[]string{"f:2: ", "f:4: http.listen: "}},
		{"header without an end", "[store]\ncheckpoint_interval = 3\n[udp\nworkers = 2\n[http]\nlisten = 3",
			[]string{"f:2: store.checkpoint_interval: ", "f:4: ", "f:6: http.listen: "}},
		{"rules go by what was left out", "[admin]\nlisten = \"[::]:1\"\ntoken = \n[livesync]\ntell_rate = 0",
			[]string{"f:3: ", "f:5: livesync.tell_rate: "}},
		{"rules still hold with a table twice", "[admin]\nlisten = \"[::]:1\"\n[admin]",
			[]string{"f:2: admin.token: is required", "f:3: Key 'admin'"}},
		{"the second table's keys count", "[admin]\nlisten = \"[::]:1\"\n[admin]\ntoken = \"a\"",
			[]string{"f:3: Key 'admin'"}},
		{"not text at all", "\x00\x01", []string{"f:"}},
		{"last line", "[udp]\nworkers = -1\n[http", []string{"f:2: udp.workers: ", "f:3: "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse("f", []byte(c.text))
			if err == nil {
				t.Fatal("accepted")
			}
			got := strings.Split(err.Error(), "\n")
			if len(got) != len(c.want) {
				t.Fatalf("got\n%s\nwant %q", err, c.want)
			}
			for i := range got {
				if !strings.HasPrefix(got[i], c.want[i]) {
					t.Errorf("got %q, want %q", got[i], c.want[i])
				}
			}
		})
	}
}

// TestManyFaults: a file that is something else altogether ends.
func TestManyFaults(t *testing.T) {
	_, err := Parse("f", []byte(strings.Repeat("[a]\nx y\n", 5000)))
	if n := strings.Count(err.Error(), "\n") + 1; n < mostFaults || n > mostFaults+2 {
		t.Errorf("%d errors", n)
	}
}
