package main

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBackupOfARunningDaemon copies the database, with what no checkpoint has
// written yet, and starts another daemon on the copy.
func TestBackupOfARunningDaemon(t *testing.T) {
	dir := t.TempDir()
	s := testSettings(dir).with(settings{"store.checkpoint_interval": `"1h"`})
	hashes := torrentList(2_000)
	d := start(t, s)
	w := connectWire(t, d.udp4)
	w.complete(hashes, func(int) int { return 1 })

	out := filepath.Join(t.TempDir(), "copy.db")
	got := runProgram(t, dir, "backup", "--admin", "http://"+d.admin, out)
	if got.status != statusDone || !strings.HasPrefix(got.stdout, out+": copy of the database of the daemon at http://"+d.admin+", ") || got.stderr != "" {
		t.Fatalf("got %+v", got)
	}
	d.stop()

	copied := t.TempDir()
	if err := os.Rename(out, filepath.Join(copied, "keeptrack.db")); err != nil {
		t.Fatal(err)
	}
	if got, want := recordsOf(t, copied), recordsOf(t, dir); !maps.Equal(got, want) || len(got) != len(hashes) {
		t.Errorf("%d torrents in the copy, %d in the database", len(got), len(want))
	}
	again := start(t, testSettings(copied))
	if again.torrents != len(hashes) {
		t.Errorf("%d torrents loaded from the copy", again.torrents)
	}
}

// TestBackupAndRestore goes through a restore drill: offline copy, more
// downloads, the copy put back.
func TestBackupAndRestore(t *testing.T) {
	dir := t.TempDir()
	s := testSettings(dir)
	config := s.write(t)
	hashes := torrentList(100)
	d := start(t, s)
	connectWire(t, d.udp4).complete(hashes, func(int) int { return 1 })
	busy := runProgram(t, dir, "restore", "--config", config, filepath.Join(dir, "keeptrack.db"))
	if busy.status != statusFailed || !strings.Contains(busy.stderr, "in use") {
		t.Errorf("restore under a running daemon: %+v", busy)
	}
	d.stop()
	before := recordsOf(t, dir)
	out := filepath.Join(t.TempDir(), "copy.db")
	if got := runProgram(t, dir, "backup", "--config", config, out); got.status != statusDone ||
		!strings.HasPrefix(got.stdout, out+": copy of "+filepath.Join(dir, "keeptrack.db")+", ") {
		t.Fatalf("backup: %+v", got)
	}

	d = start(t, s)
	connectWire(t, d.udp4).complete(hashes, func(int) int { return 2 })
	d.stop()
	if maps.Equal(recordsOf(t, dir), before) {
		t.Fatal("nothing has changed: the test does not test")
	}
	if got := runProgram(t, dir, "restore", "--config", config, out); got.status != statusDone ||
		got.stdout != filepath.Join(dir, "keeptrack.db")+": restored from "+out+"\n" {
		t.Fatalf("restore: %+v", got)
	}
	if !maps.Equal(recordsOf(t, dir), before) {
		t.Error("the database is not that of the copy")
	}
}

// TestBackupToken: the flag goes before the variable, that before the config.
func TestBackupToken(t *testing.T) {
	var asked string
	daemon := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Path + " " + r.Header.Get("Authorization")
		http.Error(w, "not today", http.StatusServiceUnavailable)
	}))
	t.Cleanup(daemon.Close)
	config := configFile(t, "[admin]\ntoken = \"from-config\"\n")
	args := []string{"backup", "--config", config, "--admin", daemon.URL, filepath.Join(t.TempDir(), "copy.db")}
	for _, c := range []struct {
		variable string
		more     []string
		want     string
	}{
		{"", nil, "from-config"},
		{"from-variable", nil, "from-variable"},
		{"from-variable", []string{"--token", "from-flag"}, "from-flag"},
	} {
		t.Setenv(tokenVariable, c.variable)
		got := keeptrack(append(args, c.more...)...)
		if got.status != statusFailed || !strings.Contains(got.stderr, "not today") {
			t.Errorf("got %+v", got)
		}
		if want := "/api/v1/backup Bearer " + c.want; asked != want {
			t.Errorf("asked with %q, want %q", asked, want)
		}
	}
}

// TestBackupAndRestoreWithoutAConfig holds that they name the files that they
// work on, which the working directory decides.
func TestBackupAndRestoreWithoutAConfig(t *testing.T) {
	t.Chdir(t.TempDir())
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "keeptrack.db")
	if got := keeptrack("db", "import", path, textFile(t, anyHash+"\t1\t29000000\n")); got.status != statusDone {
		t.Fatalf("import: %+v", got)
	}
	if got := keeptrack("backup", "copy.db"); !strings.HasPrefix(got.stdout, "copy.db: copy of "+path+", ") {
		t.Errorf("backup: %+v", got)
	}
	if got := keeptrack("restore", "copy.db"); got != (outcome{statusDone, path + ": restored from copy.db\n", ""}) {
		t.Errorf("restore: %+v", got)
	}
}

func TestReachable(t *testing.T) {
	for listen, want := range map[string]string{
		"0.0.0.0:6970":   "127.0.0.1:6970",
		"[::]:6970":      "[::1]:6970",
		"127.0.0.1:6970": "127.0.0.1:6970",
		"192.0.2.1:6970": "192.0.2.1:6970",
	} {
		if got := reachable(netip.MustParseAddrPort(listen)).String(); got != want {
			t.Errorf("%s is reached at %s, want %s", listen, got, want)
		}
	}
}

func TestBackupUsage(t *testing.T) {
	out := filepath.Join(t.TempDir(), "copy.db")
	for _, url := range []string{"127.0.0.1:6970", "ftp://127.0.0.1", "::"} {
		if got := keeptrack("backup", "--admin", url, out); got.status != statusUsage || !strings.Contains(got.stderr, url) {
			t.Errorf("%s: got %+v", url, got)
		}
	}
	if _, err := os.Stat(out); !os.IsNotExist(err) {
		t.Errorf("the copy is there: %v", err)
	}
}
