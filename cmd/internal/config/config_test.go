package config

import (
	"errors"
	"flag"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/tracker"
)

var update = flag.Bool("update", false, "write config.example.toml and docs/configure.md anew")

const examplePath = "../../../config.example.toml"

func TestExampleFileIsUpToDate(t *testing.T) {
	if *update {
		if err := os.WriteFile(examplePath, Example(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile(examplePath)
	if err != nil {
		t.Fatal(err)
	}
	if string(file) != string(Example()) {
		t.Error("config.example.toml differs from what the keys declare; run: go test ./cmd/internal/config -update")
	}
}

func TestExampleIsTheDefault(t *testing.T) {
	c, err := Parse("example", Example())
	if err != nil {
		t.Fatal(err)
	}
	if !sameValues(c, Default()) {
		t.Errorf("the example parses to\n%v\nwant\n%v", c, Default())
	}
}

func TestEmptyFileIsTheDefault(t *testing.T) {
	c, err := Parse("empty", nil)
	if err != nil {
		t.Fatal(err)
	}
	if !sameValues(c, Default()) {
		t.Errorf("an empty file parses to\n%v", c)
	}
	if w := c.Warnings(); len(w) > 0 {
		t.Errorf("the default warns: %q", w)
	}
}

// TestDefaultValues holds the promised defaults in the types that the daemon
// uses.
func TestDefaultValues(t *testing.T) {
	both := []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:6969"), netip.MustParseAddrPort("[::]:6969")}
	want := &Config{
		Log: Log{Level: zerolog.InfoLevel, Format: LogAuto},
		Tracker: Tracker{
			AnnounceInterval: 30 * time.Minute, IntervalJitter: 3 * time.Minute,
			MinAnnounceInterval: 15 * time.Minute, PeerTimeout: 45 * time.Minute,
			TorrentTimeout: 720 * time.Hour, MaxMemory: AutoMemory, MaxPeersPerAddress: 1000,
			MaxTorrentsPerAddress: 250_000, DefaultNumWant: 50, MaxNumWant: 200, TopClients: true,
		},
		UDP: UDP{
			Listen: both, ReceiveBuffer: 8 << 20, BatchDelay: 1500 * time.Microsecond,
			ConnectionIDLifetime: 10 * time.Minute,
		},
		HTTP: HTTP{
			Listen: OverTCP(both), ClientAddressHeader: "X-Forwarded-For", MaxConnections: 10000, MaxConnectionsPerAddress: 1000,
		},
		HTTPS:  HTTPS{MaxConnections: 4000, ACMEListen: everyAddress(80)},
		Admin:  Admin{Listen: Endpoint{AddrPort: netip.MustParseAddrPort("127.0.0.1:6970")}},
		Access: Access{Mode: tracker.AccessOpen},
		Store:  Store{Path: "keeptrack.db", CheckpointInterval: time.Minute, KeepPeers: true, PeersInterval: 5 * time.Minute},
		LiveSync: LiveSync{
			Transport: OverMulticast,
			Multicast: Multicast{Group: netip.MustParseAddr("224.0.42.5"), Port: 9696},
			NATS:      NATS{NATSSubject: "keeptrack"},
			MaxDelay:  time.Second, RenewAfter: 10 * time.Minute,
			FirstBeaconDelay: 30 * time.Minute, BeaconInterval: time.Minute,
			InquireThreshold: 0.75, TellRate: 1000, PeerRate: 4_000_000,
		},
	}
	wantConfig(t, Default(), want)
}

// sameValues reports whether two configs are equal, wherever their values come from.
func sameValues(a, b *Config) bool {
	x, y := *a, *b
	x.source, y.source = source{}, source{}
	return reflect.DeepEqual(x, y)
}

// wantConfig fails the test if two configs differ, and says in which keys.
func wantConfig(t *testing.T, got, want *Config) {
	t.Helper()
	live, restart := Diff(got, want)
	differing := slices.Concat(live, restart)
	wanted := want.tables()
	for i, table := range got.tables() {
		for j, k := range table.keys {
			if name := table.name + "." + k.name; slices.Contains(differing, name) {
				t.Errorf("%s is %s, want %s", name, describe(k.value()), describe(wanted[i].keys[j].value()))
			}
		}
	}
	if differing == nil && !sameValues(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

func TestEveryKeyIsDocumented(t *testing.T) {
	for _, table := range Default().tables() {
		if table.comment == "" {
			t.Errorf("[%s] has no comment", table.name)
		}
		for _, k := range table.keys {
			if k.comment == "" {
				t.Errorf("%s.%s has no comment", table.name, k.name)
			}
		}
	}
	for i, line := range strings.Split(string(Example()), "\n") {
		if n := len([]rune(line)); n > 80 {
			t.Errorf("line %d of the example is %d characters wide", i+1, n)
		}
	}
}

// TestTheExampleSaysWhatAReloadChanges: a reader of a key's comment knows whether it takes
// a restart.
func TestTheExampleSaysWhatAReloadChanges(t *testing.T) {
	for _, table := range Default().tables() {
		for _, k := range table.keys {
			if said := strings.Contains(k.comment, "Reloaded on SIGHUP"); said != k.live {
				t.Errorf("%s.%s: a reload changes it: %t, the comment says so: %t", table.name, k.name, k.live, said)
			}
		}
	}
}

func TestEveryFieldHasAKey(t *testing.T) {
	fields := 0
	config := reflect.TypeFor[Config]()
	for i := range config.NumField() {
		if !config.Field(i).IsExported() {
			continue
		}
		for _, f := range reflect.VisibleFields(config.Field(i).Type) {
			if !f.Anonymous {
				fields++
			}
		}
	}
	keys := 0
	names := map[string]bool{}
	for _, table := range Default().tables() {
		for _, k := range table.keys {
			keys++
			names[table.name+"."+k.name] = true
		}
	}
	if keys != fields || len(names) != keys {
		t.Errorf("%d keys with %d names for %d fields", keys, len(names), fields)
	}
	all := slices.Concat(rules, cautions, natsCautions, httpsRules, httpsCautions)
	for _, c := range carriers {
		all = append(all, c.allRules()...)
	}
	for _, r := range all {
		for _, k := range r.keys {
			if !names[k] {
				t.Errorf("a rule names the unknown key %s", k)
			}
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.toml"), filepath.Join(dir, "bad.toml")
	for path, text := range map[string]string{
		good: "[store]\npath = \"elsewhere.db\"\n",
		bad:  "[store]\npaht = \"elsewhere.db\"\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Load(good, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Store.Path != "elsewhere.db" {
		t.Errorf("store.path = %q", c.Store.Path)
	}
	_, err = Load(bad, nil)
	if want := bad + ":2: store.paht: unknown key, did you mean store.path?"; err == nil || err.Error() != want {
		t.Errorf("Load gives %v, want %s", err, want)
	}
	if _, err = Load(filepath.Join(dir, "none.toml"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load of a missing file gives %v", err)
	}
}
