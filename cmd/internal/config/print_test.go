package config

import (
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// withSecrets prints the config as it would have to be written.
func (c *Config) withSecrets() string { return c.print(nil, func(k key) any { return k.value() }) }

func parse(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Parse("test", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestStringHidesSecrets(t *testing.T) {
	const secret = "00112233445566778899aabbccddeeff"
	c := parse(t, "[udp]\nconnection_secret = \""+secret+"\"\n[admin]\ntoken = \"sesame\"\n")
	printed := c.String()
	for _, s := range []string{secret, "sesame"} {
		if strings.Contains(printed, s) {
			t.Errorf("%s is printed:\n%s", s, printed)
		}
	}
	for _, s := range []string{`connection_secret = "(hidden)"`, `token = "(hidden)"`} {
		if !strings.Contains(printed, s) {
			t.Errorf("%s is not printed:\n%s", s, printed)
		}
	}
	if _, err := Parse("copy", []byte(printed)); err == nil {
		t.Error("a copied config with hidden secrets is accepted")
	}
}

func TestStringWithoutSecretsParsesAgain(t *testing.T) {
	c := parse(t, "[tracker]\npeer_timeout = \"100m5s\"\n[store]\npath = \"a\\\"\\u0001ü.db\"\n")
	if again := parse(t, c.String()); !sameValues(again, c) {
		t.Errorf("got\n%v\nwant\n%v", again, c)
	}
}

func TestRemarks(t *testing.T) {
	c := parse(t, "[tracker]\nmax_memory = \"64MiB\"")
	remarked := c.WithRemarks(map[string]string{"tracker.max_memory": "what\nfor", "tracker.none": "x"})
	if want := strings.Replace(c.String(), "\"64MiB\"\n", "\"64MiB\" # what\\nfor\n", 1); remarked != want {
		t.Errorf("got\n%s\nwant\n%s", remarked, want)
	}
	if again := parse(t, remarked); !sameValues(again, c) {
		t.Errorf("it parses to\n%v", again)
	}
}

func TestWarnings(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string // beginnings
	}{
		{"peers forgotten too early", "[tracker]\npeer_timeout = \"33m\"", []string{"tracker.peer_timeout: "}},
		{"interval near 5m", "[tracker]\nmin_announce_interval = \"1m\"\nannounce_interval = \"6m\"", []string{"tracker.announce_interval: "}},
		{"interval below 5m", "[tracker]\nmin_announce_interval = \"1m\"\nannounce_interval = \"2m\"\ninterval_jitter = \"1m\"", []string{"tracker.announce_interval: is shorter than"}},
		{"interval below 5m and too much jitter", "[tracker]\nmin_announce_interval = \"30s\"\nannounce_interval = \"1m\"\ninterval_jitter = \"1s\"",
			[]string{"tracker.announce_interval: is shorter than", "tracker.announce_interval: is below", "tracker.min_announce_interval: "}[:2]},
		{"interval near 3h", "[tracker]\ninterval_jitter = \"31m\"\nannounce_interval = \"2h30m\"\npeer_timeout = \"4h\"", []string{"tracker.announce_interval: "}},
		{"minimum above the interval", "[tracker]\nmin_announce_interval = \"28m\"", []string{"tracker.min_announce_interval: "}},
		{"default numwant above the most", "[tracker]\nmax_numwant = 20", []string{"tracker.default_numwant: "}},
		{"no front end", "[udp]\nlisten = []\n[http]\nlisten = []", []string{"udp.listen: "}},
		{"HTTPS is one, too", "[udp]\nlisten = []\n[http]\nlisten = []\n[https]\nlisten = [\"[::]:443\"]\nacme_domains = [\"a\"]", nil},
		{"certificate for nobody", "[https]\ncertificate = \"a\"\nkey = \"b\"", []string{"https.certificate: is not used"}},
		{"names without HTTPS", "[https]\nacme_domains = [\"a\"]", []string{"https.acme_domains: is not used"}},
		{"one front end", "[udp]\nlisten = []", nil},
		{"token to be guessed", "[admin]\nlisten = \"[::]:6970\"\ntoken = \"123456789abcdef\"", []string{"admin.token: "}},
		{"token in earnest", "[admin]\nlisten = \"[::]:6970\"\ntoken = \"123456789abcdef0\"", nil},
		{"header that nobody is believed in", "[http]\nclient_address_header = \"X-Real-IP\"", []string{"http.client_address_header: "}},
		{"header of a proxy", "[http]\nclient_address_header = \"X-Real-IP\"\ntrusted_proxies = [\"10.0.0.1\"]", nil},
		{"header on a unix socket", "[http]\nclient_address_header = \"X-Real-IP\"\nlisten = [\"unix:/a\"]", nil},
		{"header on a unix socket of HTTPS", "[http]\nclient_address_header = \"X-Real-IP\"\n[https]\nlisten = [\"unix:/a\"]\nacme_domains = [\"a\"]", nil},
		{"page behind a redirection", "[http]\npage = true\nredirect_url = \"https://example.org/\"", []string{"http.page: is not used because http.redirect_url"}},
		{"contact without a page", "[http]\ncontact = \"a\"", []string{"http.contact: is not used because http.page is false"}},
		{"page with a contact", "[http]\npage = true\ncontact = \"a\"", nil},
		{"short token for this host", "[admin]\ntoken = \"a\"", nil},
		{"peers on disk that have timed out", "[store]\npeers_interval = \"45m\"", []string{"store.peers_interval: "}},
		{"peers that are not on disk", "[store]\npeers_interval = \"45m\"\nkeep_peers = false", nil},
		{"keys of another transport", "[livesync]\ninterface = \"eth0\"\npeers = [\"a:1\"]", []string{`livesync.peers: is not used because livesync.transport is "multicast"`}},
		{"keys of multicast over unicast", "[livesync]\ntransport = \"unicast\"\ninterface = \"eth0\"\nport = 9697\npeers = [\"a:1\"]",
			[]string{`livesync.interface: is not used because livesync.transport is "unicast"`, "livesync.port: "}},
		{"NATS for everybody", overNATS("nats://127.0.0.1", ""), []string{"livesync.key_file: is empty, as are"}},
		{"NATS in the clear", overNATS("nats://nats.example.org", "nats_credentials = \"c\""), []string{"livesync.nats_urls: without tls://"}},
		{"NATS over TLS", overNATS("tls://nats.example.org", "nats_user = \"u\"\nnats_password = \"p\""), nil},
		{"NATS with a CA", overNATS("nats://192.0.2.7", "nats_ca = \"ca\"\nkey_file = \"k\""), nil},
		{"NATS on this host", overNATS("nats://[::1]", "nats_credentials = \"c\""), nil},
		{"unused list", "[access]\nfile = \"x\"", []string{"access.file: "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := parse(t, c.text).Warnings()
			if len(got) != len(c.want) {
				t.Fatalf("got %q, want %q", got, c.want)
			}
			for i := range got {
				if !strings.HasPrefix(got[i], c.want[i]) {
					t.Errorf("got %q, want %q", got[i], c.want[i])
				}
			}
		})
	}
}

func TestDiff(t *testing.T) {
	for _, c := range []struct {
		name, old, new string
		live, restart  []string
	}{
		{"same", "", "[tracker]\npeer_timeout = \"2700s\"\n[http]\ntrusted_proxies = []", nil, nil},
		{"live", "", "[log]\nlevel = \"debug\"\n[access]\nmode = \"deny\"\nfile = \"x\"",
			[]string{"log.level", "access.mode", "access.file"}, nil},
		{"live, of the peers", "[store]\nkeep_peers = false", "[store]\npeers_interval = \"0\"", []string{"store.keep_peers", "store.peers_interval"}, nil},
		{"restart", "[udp]\nworkers = 2", "[livesync]\nid = \"00000001\"", nil, []string{"udp.workers", "livesync.id"}},
		{"secrets too", "[admin]\ntoken = \"a\"", "[admin]\ntoken = \"b\"", nil, []string{"admin.token"}},
		{"both", "[log]\nformat = \"json\"", "[log]\nlevel = \"error\"", []string{"log.level"}, []string{"log.format"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			live, restart := Diff(parse(t, c.old), parse(t, c.new))
			if !reflect.DeepEqual(live, c.live) || !reflect.DeepEqual(restart, c.restart) {
				t.Errorf("got live %q restart %q, want %q %q", live, restart, c.live, c.restart)
			}
		})
	}
}

// FuzzParse: no text makes Parse panic, what it refuses is a printable line an
// error, and what it accepts prints to a text that means the same.
func FuzzParse(f *testing.F) {
	f.Add(string(Example()))
	f.Add("listen = 3\n[tracker]\npeer_timeout = 30\nannounce_intervall = \"30m\"\n")
	f.Add("[udp]\nconnection_secret = \"00112233445566778899aabbccddeeff\"\nlisten = [\"[fe80::1%eth0]:1\"]\n")
	f.Add("[livesync]\nnodes = [\"10.0.0.0/8\", \"2001:db8::1\"]\nid = \"00000001\"\ninquire_threshold = 1e-7\n")
	f.Add("a.b.c = 1\n[[http]]\n[store]\npath = '''\n'\n'''\n[x.y.z]\n\"\\n\" = {q = 1}\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse("f", []byte(text))
		if err != nil {
			all := err.(Errors)
			if n := strings.Count(err.Error(), "\n") + 1; len(all) == 0 || n != len(all) {
				t.Errorf("%d errors on %d lines: %q", len(all), n, err)
			}
			if i := strings.IndexFunc(err.Error(), func(r rune) bool { return r != '\n' && !strconv.IsPrint(r) }); i >= 0 {
				t.Errorf("unprintable at %d: %q", i, err)
			}
			return
		}
		again, err := Parse("g", []byte(c.withSecrets()))
		if err != nil {
			t.Fatalf("what was printed is refused: %v\n%s", err, c.withSecrets())
		}
		if !sameValues(again, c) {
			t.Errorf("got\n%s\nwant\n%s", again.withSecrets(), c.withSecrets())
		}
	})
}
