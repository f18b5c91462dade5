package daemon_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rs/zerolog"

	"keeptrack/cmd/internal/config"
	"keeptrack/cmd/internal/daemon"
	"keeptrack/cmd/testenv"
)

// running is a daemon in this process, on loopback and free ports.
type running struct {
	t      *testing.T
	path   string // of its config
	reload chan os.Signal
	lines  *bufio.Scanner // its log, JSON
	stop   context.CancelFunc
	done   chan error
}

type logLine struct {
	Level, Message, Keys, Error, Admin string
	HTTP                               []string
	Listed                             int
}

// run starts a daemon with the config text, in which DIR stands for a
// directory of its own.
func run(t *testing.T, text string) *running {
	t.Helper()
	dir := t.TempDir()
	r := &running{t: t, path: filepath.Join(dir, "keeptrack.toml"), reload: make(chan os.Signal), done: make(chan error, 1)}
	r.write(text)
	c, err := config.Load(r.path, nil)
	if err != nil {
		t.Fatal(err)
	}
	zerolog.SetGlobalLevel(zerolog.InfoLevel)
	read, write := io.Pipe()
	r.lines = bufio.NewScanner(read)
	var ctx context.Context
	ctx, r.stop = context.WithCancel(t.Context())
	go func() {
		r.done <- daemon.Run(ctx, daemon.Options{Config: c, ConfigPath: r.path, Reload: r.reload, Log: zerolog.New(write)})
		write.Close()
	}()
	return r
}

func (r *running) write(text string) {
	r.t.Helper()
	text = strings.ReplaceAll(text, "DIR", filepath.Dir(r.path))
	if err := os.WriteFile(r.path, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// await reads the log up to the line with the message.
func (r *running) await(message string) logLine {
	r.t.Helper()
	for r.lines.Scan() {
		var l logLine
		if err := json.Unmarshal(r.lines.Bytes(), &l); err != nil {
			r.t.Fatal(err)
		}
		if n := bytes.Count(r.lines.Bytes(), []byte(`"level":`)); n != 1 {
			r.t.Errorf("the level is there %d times: %s", n, r.lines.Bytes())
		}
		if l.Message == message {
			return l
		}
	}
	r.t.Fatalf("the log ended without %q", message)
	return logLine{}
}

// end stops the daemon and returns its error.
func (r *running) end() error {
	r.stop()
	for r.lines.Scan() { // what it still writes must not block it
	}
	return <-r.done
}

const loopback = `
[udp]
listen = ["127.0.0.1:0"]
[http]
listen = ["127.0.0.1:0"]
[admin]
listen = "127.0.0.1:0"
[store]
path = "DIR/keeptrack.db"
`

func fetch(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d %s", res.StatusCode, b)
}

func TestServesAndStops(t *testing.T) {
	r := run(t, loopback)
	line := r.await("serving")
	if got := fetch(t, "http://"+line.Admin+"/readyz"); got != "200 ready\n" {
		t.Errorf("readyz says %s", got)
	}
	if got := fetch(t, "http://"+line.Admin+"/api/v1/cluster"); got != "200 {\"enabled\":false}\n" {
		t.Errorf("cluster says %s", got)
	}
	got := fetch(t, "http://"+line.HTTP[0]+"/announce?info_hash=aaaaaaaaaaaaaaaaaaaa&port=1")
	if !strings.HasPrefix(got, "200 d8:complete") {
		t.Errorf("announce says %s", got)
	}
	if err := r.end(); err != nil {
		t.Error(err)
	}
}

// TestAdminOnOneFamily: an operator who has a firewall for one is not to be
// surprised by the other.
func TestAdminOnOneFamily(t *testing.T) {
	for wildcard, loopbacks := range map[string][2]string{
		"0.0.0.0": {"127.0.0.1", "::1"},
		"[::]":    {"::1", "127.0.0.1"},
	} {
		t.Run(wildcard, func(t *testing.T) {
			l, err := net.Listen("tcp", net.JoinHostPort(loopbacks[0], "0"))
			testenv.Need(t, "listen on "+loopbacks[0], err)
			l.Close()
			token := rand.Text()
			own := fmt.Sprintf("[admin]\ntoken = %q\nlisten = \"%s:0\"", token, wildcard)
			r := run(t, strings.Replace(loopback, "[admin]\nlisten = \"127.0.0.1:0\"", own, 1))
			_, port, err := net.SplitHostPort(r.await("serving").Admin)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range []bool{true, false} {
				if got := answers(t, net.JoinHostPort(loopbacks[i], port), token); got != want {
					t.Errorf("is reached at %s: %v", loopbacks[i], got)
				}
			}
			if err := r.end(); err != nil {
				t.Error(err)
			}
		})
	}
}

// answers tells whether an admin address with that token is reached at address.
func answers(t *testing.T, address, token string) bool {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	return res.StatusCode == http.StatusOK
}

func TestReload(t *testing.T) {
	r := run(t, loopback)
	address := r.await("serving").HTTP[0]
	announce := "http://" + address + "/announce?info_hash=" + strings.Repeat("%AA", 20) + "&port=1"
	if err := os.WriteFile(filepath.Join(filepath.Dir(r.path), "list"), []byte(strings.Repeat("aa", 20)+" # mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	r.write(loopback + "[access]\nmode = \"deny\"\nfile = \"DIR/list\"\n[tracker]\nmax_torrents = 7\n")
	r.reload <- syscall.SIGHUP
	if keys := r.await("changed keys that need a restart").Keys; keys != "tracker.max_torrents" {
		t.Errorf("keys that need a restart: %s", keys)
	}
	if n := r.await("config reloaded").Listed; n != 1 {
		t.Errorf("%d info hashes listed, want 1", n)
	}
	if got := fetch(t, announce); !strings.Contains(got, "failure reason") {
		t.Errorf("a refused torrent is answered %s", got)
	}

	r.write(loopback + "[access]\nmode = \"open\"\n[tracker]\nmax_torrents = -1\n")
	r.reload <- syscall.SIGHUP
	if err := r.await("reload refused: the running config stays in force").Error; !strings.Contains(err, "max_torrents") {
		t.Errorf("the refusal says %s", err)
	}
	if got := fetch(t, announce); !strings.Contains(got, "failure reason") {
		t.Errorf("after an invalid config a refused torrent is answered %s", got)
	}
	if err := r.end(); err != nil {
		t.Error(err)
	}
}

// TestDatabaseReplaced: a daemon whose file is gone serves, and says so until it
// ends in failure.
func TestDatabaseReplaced(t *testing.T) {
	r := run(t, loopback+"checkpoint_interval = \"100ms\"\n")
	address := r.await("serving").Admin
	path := filepath.Join(filepath.Dir(r.path), "keeptrack.db")
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	const want = "was replaced or deleted while it was open"
	if l := r.await("checkpoint failed: it will be tried again"); !strings.Contains(l.Error, want) || !strings.Contains(l.Error, path) {
		t.Errorf("the log says %s", l.Error)
	}
	go func() { // what it still writes must not block it
		for r.lines.Scan() {
		}
	}()
	if got := fetch(t, "http://"+address+"/readyz"); !strings.HasPrefix(got, "503") || !strings.Contains(got, want) {
		t.Errorf("readyz says %s", got)
	}
	r.stop()
	if err := <-r.done; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("ended with %v", err)
	}
}

// TestAddressInUse holds that a daemon that cannot listen says where, and gives
// back what it had.
func TestAddressInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address := taken.Addr().String()
	text := strings.Replace(loopback, "[http]\nlisten = [\"127.0.0.1:0\"]", "[http]\nlisten = [\""+address+"\"]", 1)
	r := run(t, text)
	for r.lines.Scan() {
	}
	if err := <-r.done; !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), address) {
		t.Fatalf("got %v", err)
	}
	c, err := config.Load(r.path, nil)
	if err != nil {
		t.Fatal(err)
	}
	taken.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := daemon.Run(ctx, daemon.Options{Config: c, Log: zerolog.Nop()}); err != nil {
		t.Errorf("started again: %v", err)
	}
}
