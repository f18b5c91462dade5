package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keeptrack/cmd/internal/config"
)

// configFile writes a config file and returns its path.
func configFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keeptrack.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConfigExample(t *testing.T) {
	if got := keeptrack("config", "example"); got != (outcome{statusDone, string(config.Example()), ""}) {
		t.Errorf("got %+v", got)
	}
}

func TestConfigCheckPrintsTheEffectiveConfig(t *testing.T) {
	path := configFile(t, "[tracker]\nmax_numwant = 60\n[admin]\ntoken = \"sesame\"\n")
	got := keeptrack("config", "check", path)
	if got.status != statusDone || got.stderr != "" {
		t.Fatalf("got %+v", got)
	}
	for _, line := range []string{"max_numwant = 60 # line 2\n", "default_numwant = 50 # default\n", "token = \"(hidden)\" # line 4\n", "\nmax_memory = \"auto\" # default: ", "MiB, half of "} {
		if !strings.Contains(got.stdout, line) {
			t.Errorf("%q is missing in\n%s", line, got.stdout)
		}
	}
	if strings.Contains(got.stdout, "sesame") {
		t.Error("the token is printed")
	}
}

func TestConfigCheckWarns(t *testing.T) {
	path := configFile(t, "[udp]\nlisten = []\n[http]\nlisten = []\n")
	got := keeptrack("config", "check", path)
	want := "keeptrack: warning: " + path + ": udp.listen: "
	if got.status != statusDone || !strings.HasPrefix(got.stderr, want) || strings.Count(got.stderr, "\n") != 1 {
		t.Errorf("got status %d and %q, want one line that starts with %q", got.status, got.stderr, want)
	}
}

// TestOneFileHidesNoOther: what is wrong with each of the files that a config names
// is told at once.
func TestOneFileHidesNoOther(t *testing.T) {
	path := configFile(t, "admin.token_file = \"/none/token\"\nudp.connection_secret_file = \"/none/secret\"\n"+
		"access.mode = \"deny\"\naccess.file = \"/none/list\"\nlivesync.key_file = \"/none/key\"\n")
	want := strings.ReplaceAll(`keeptrack: FILE: udp.connection_secret_file: open /none/secret: no such file or directory
keeptrack: FILE: admin.token_file: open /none/token: no such file or directory
keeptrack: FILE: access.file: open /none/list: no such file or directory
keeptrack: FILE: livesync.key_file: open /none/key: no such file or directory
`, "FILE", path)
	for _, args := range [][]string{{"config", "check", path}, {"serve", "--config", path}} {
		if got := keeptrack(args...); got != (outcome{statusUsage, "", want}) {
			t.Errorf("%v: got %+v, want\n%s", args, got, want)
		}
	}
}

func TestConfigCheckReportsEveryErrorOnALine(t *testing.T) {
	path := configFile(t, "[udp]\nbatchdelay = \"1ms\"\n[livesync]\nport = 70000\nmax_delay = 5\n")
	got := keeptrack("config", "check", path)
	want := strings.ReplaceAll(`keeptrack: FILE:2: udp.batchdelay: unknown key, did you mean udp.batch_delay?
keeptrack: FILE:4: livesync.port: must be a number from 1 to 65535, not 70000
keeptrack: FILE:5: livesync.max_delay: must be a duration from "10ms" to "1h", not 5
`, "FILE", path)
	if got != (outcome{statusUsage, "", want}) {
		t.Errorf("got %+v, want %q", got, want)
	}
}

func TestConfigCheckOfNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.toml")
	got := keeptrack("config", "check", path)
	if got.status != statusUsage || got.stdout != "" || !strings.Contains(got.stderr, path) ||
		!strings.HasPrefix(got.stderr, "keeptrack: read config: ") {
		t.Errorf("got %+v", got)
	}
}

func TestLoadConfig(t *testing.T) {
	c, err := loadConfig("")
	if err != nil || c.String() != config.Default().String() {
		t.Errorf("no path gives %v, %v, want the default", c, err)
	}
	_, err = loadConfig(configFile(t, "[log]\nlevel = \"loud\"\n"))
	if usage := (usageError{}); !errors.As(err, &usage) {
		t.Errorf("a wrong config gives %v, want a usageError", err)
	}
}

// TestAccessListThatCannotBeUsed holds that check and serve refuse it alike,
// before anything is opened.
func TestAccessListThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	list, none := filepath.Join(dir, "list"), filepath.Join(dir, "none")
	if err := os.WriteFile(list, []byte("# refused\n"+anyHash+"\n5024\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, file, want string }{
		{"bad line", list, "access.file: " + list + ": line 3: "},
		{"missing", none, "access.file: open " + none + ": "},
	} {
		database := filepath.Join(dir, "keeptrack.db")
		path := configFile(t, fmt.Sprintf("[access]\nmode = \"deny\"\nfile = %q\n[store]\npath = %q\n", c.file, database))
		for _, args := range [][]string{{"config", "check", path}, {"serve", "--config", path}} {
			t.Run(c.name+" "+args[0], func(t *testing.T) {
				got, want := keeptrack(args...), "keeptrack: "+path+": "+c.want
				if got.status != statusUsage || got.stdout != "" || !strings.HasPrefix(got.stderr, want) {
					t.Errorf("got %+v, want %q", got, want)
				}
				if _, err := os.Stat(database); !os.IsNotExist(err) {
					t.Errorf("the database is there: %v", err)
				}
			})
		}
	}
}
