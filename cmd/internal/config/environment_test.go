package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// variables returns the environment that sets all keys of a config.
func variables(c *Config) (environ []string) {
	for _, t := range c.tables() {
		for _, k := range t.keys {
			environ = append(environ, Variable(t.name+"."+k.name)+"="+variableText(k.value()))
		}
	}
	return environ
}

// variableText writes a value as a variable has it.
func variableText(value any) string {
	switch v := value.(type) {
	case string:
		if v == "" {
			return `""`
		}
	case []any:
		texts := make([]string, len(v))
		for i := range v {
			texts[i] = variableText(v[i])
		}
		if len(v) == 0 {
			return "[]"
		}
		return strings.Join(texts, ", ")
	}
	return fmt.Sprint(value)
}

// TestEnvironmentSetsEveryKey, as the file does.
func TestEnvironmentSetsEveryKey(t *testing.T) {
	for _, text := range []string{full, string(Example())} {
		want := parse(t, text)
		got, err := Load("", variables(want))
		if err != nil {
			t.Fatal(err)
		}
		wantConfig(t, got, want)
		if unused := got.EnvironmentWarnings(); unused != nil {
			t.Errorf("not used: %q", unused)
		}
	}
}

func TestEnvironmentOverFile(t *testing.T) {
	c, err := parseOver("f", []byte("[udp]\nworkers = 2\nlisten = []\n"), []string{
		"KEEPTRACK_UDP_WORKERS=3", "KEEPTRACK_HTTP_TRUSTED_PROXIES=10.0.0.0/8,2001:db8::1", "KEEPTRACK_LOG_LEVEL=", "PATH=/bin", "KEEPTRACK_HTTP_LISTEN=[]",
	})
	if err != nil {
		t.Fatal(err)
	}
	wantConfig(t, c, parse(t, "[udp]\nworkers = 3\nlisten = []\n[http]\ntrusted_proxies = [\"10.0.0.0/8\", \"2001:db8::1\"]\nlisten = []"))
	got := c.Origins()
	for key, want := range map[string]string{
		"udp.workers": "KEEPTRACK_UDP_WORKERS", "udp.listen": "line 3", "http.listen": "KEEPTRACK_HTTP_LISTEN", "log.level": "default",
	} {
		if got[key] != want {
			t.Errorf("%s is from %q, want %q", key, got[key], want)
		}
	}
}

// TestEnvironmentOverSecretOfFile: a variable takes the place of both keys that a secret
// can be in.
func TestEnvironmentOverSecretOfFile(t *testing.T) {
	for _, c := range []struct{ text, variable, want string }{
		{"token = \"a\"", "KEEPTRACK_ADMIN_TOKEN=b", "token = \"b\""},
		{"token_file = \"a\"", "KEEPTRACK_ADMIN_TOKEN=b", "token = \"b\""},
		{"token = \"a\"", "KEEPTRACK_ADMIN_TOKEN_FILE=b", "token_file = \"b\""},
		{"token_file = \"a\"", "KEEPTRACK_ADMIN_TOKEN_FILE=b", "token_file = \"b\""},
	} {
		got, err := parseOver("f", []byte("[admin]\n"+c.text), []string{c.variable})
		if err != nil {
			t.Errorf("%s over %s: %v", c.variable, c.text, err)
			continue
		}
		wantConfig(t, got, parse(t, "[admin]\n"+c.want))
	}
}

func TestEnvironmentThatIsRefused(t *testing.T) {
	for _, c := range []struct {
		name, text string
		environ    []string
		want       string
	}{
		{"number", "", []string{"KEEPTRACK_UDP_WORKERS=many"}, `KEEPTRACK_UDP_WORKERS: udp.workers: must be a number from 0 to 256, not "many"`},
		{"boolean", "", []string{"KEEPTRACK_HTTP_FULL_SCRAPE=yes"}, `KEEPTRACK_HTTP_FULL_SCRAPE: http.full_scrape: must be true or false, not "yes"`},
		{"ratio", "", []string{"KEEPTRACK_LIVESYNC_INQUIRE_THRESHOLD=NaN"}, "must be a number above 0 and at most 1, not NaN"},
		{"entry of a list", "", []string{"KEEPTRACK_UDP_LISTEN=127.0.0.1:1,"}, `udp.listen: entry 2 must be an IP address and port`},
		{"secret", "", []string{"KEEPTRACK_ADMIN_TOKEN=open sesame"}, "KEEPTRACK_ADMIN_TOKEN: admin.token: must be a string of letters"},
		{"rule", "", []string{"KEEPTRACK_ADMIN_LISTEN=0.0.0.0:1"}, "KEEPTRACK_ADMIN_LISTEN: admin.token: is required because"},
		{"rule of both", "[admin]\nlisten = \"0.0.0.0:1\"", []string{"KEEPTRACK_ADMIN_READ_TOKEN=a"}, "admin.token: is required because"},
		{"secret twice", "", []string{"KEEPTRACK_ADMIN_TOKEN=a", "KEEPTRACK_ADMIN_TOKEN_FILE=b"}, "KEEPTRACK_ADMIN_TOKEN_FILE: admin.token_file: must be empty, or admin.token"},
		{"value of the file that is overridden", "[udp]\nworkers = -1", []string{"KEEPTRACK_UDP_WORKERS=1"}, "f:2: udp.workers: must be"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parseOver("f", []byte(c.text), c.environ)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "sesame") {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// TestVariablesThatAreNotUsed: what Kubernetes sets for services called keeptrack and
// keeptrack-livesync, and what is misspelt.
func TestVariablesThatAreNotUsed(t *testing.T) {
	c, err := Load("", []string{
		"KEEPTRACK_SERVICE_HOST=10.0.0.1", "KEEPTRACK_SERVICE_PORT=6969", "KEEPTRACK_PORT=tcp://10.0.0.1:6969", "KEEPTRACK_PORT_6969_TCP_ADDR=10.0.0.1",
		"KEEPTRACK_HTTP_PORT=tcp://10.0.0.1:6969", "KEEPTRACK_HTTP_SERVICE_PORT_WEB=6969", // not http.page
		"KEEPTRACK_LIVESYNC_PORT=udp://10.0.0.1:6969", "KEEPTRACK_UDP_LISTN=[::]:1",
	})
	if err != nil {
		t.Fatal(err)
	}
	wantConfig(t, c, Default())
	want := []string{
		"KEEPTRACK_LIVESYNC_PORT: looks like what Kubernetes sets for a service, and is not used: enableServiceLinks turns that off",
		"KEEPTRACK_UDP_LISTN: unknown and not used, did you mean KEEPTRACK_UDP_LISTEN?",
		"KEEPTRACK_HTTP_PORT, KEEPTRACK_HTTP_SERVICE_PORT_WEB, KEEPTRACK_PORT, KEEPTRACK_PORT_6969_TCP_ADDR, KEEPTRACK_SERVICE_HOST, KEEPTRACK_SERVICE_PORT: unknown and not used",
	}
	if got := c.EnvironmentWarnings(); !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

func TestBlame(t *testing.T) {
	c, err := parseOver("f", []byte("[udp]\nworkers = 2"), []string{"KEEPTRACK_STORE_PATH=x"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Blame("store.path: a\nudp.workers: b\nlog.level: c"), "KEEPTRACK_STORE_PATH: store.path: a\nf: udp.workers: b\nf: log.level: c"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := Default().Blame("udp.workers: b"), "udp.workers: b"; got != want {
		t.Errorf("without a file: got %q, want %q", got, want)
	}
}

// FuzzEnvironment: no value makes Load panic; what it accepts is what the same value in a
// file gives, and what it refuses is said in printable lines.
func FuzzEnvironment(f *testing.F) {
	f.Add("UDP_LISTEN", "[::]:6969, 127.0.0.1:1")
	f.Add("HTTP_FULL_SCRAPE", "true")
	f.Add("LIVESYNC_INQUIRE_THRESHOLD", "1e-7")
	f.Add("STORE_PATH", "\"\"")
	f.Add("LIVESYNC_PORT", "tcp://10.0.0.1:1")
	f.Fuzz(func(t *testing.T, name, value string) {
		c, err := Load("", []string{variablePrefix + name + "=" + value})
		if err != nil {
			if _, ok := err.(Errors); !ok {
				t.Errorf("got %v", err)
			}
			return
		}
		var text string // that sets the same key
		for _, table := range c.tables() {
			for _, k := range table.keys {
				if _, ok := c.source.keys[table.name+"."+k.name]; ok {
					text = "[" + table.name + "]\n" + assignment(k.name, k.value())
				}
			}
		}
		if again, err := Parse("g", []byte(text)); err != nil || !sameValues(again, c) {
			t.Errorf("%v: %s is read as\n%v\nwant\n%v", err, text, again, c)
		}
	})
}
