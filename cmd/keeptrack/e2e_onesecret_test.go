package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// takes reports whether an instance takes a connection id from this address.
func (d *instance) takes(id uint64) bool {
	d.t.Helper()
	w := dialWire(d.t, d.udp4)
	w.id = id
	return w.known()
}

// gives returns a connection id of an instance for this address.
func (d *instance) gives() uint64 { return connectWire(d.t, d.udp4).id }

// TestOneKeyIsOneConnectionSecret: instances with the same key take each other's
// connection ids, live sync on or off. A secret in the config wins.
func TestOneKeyIsOneConnectionSecret(t *testing.T) {
	instances := map[string]*instance{}
	for name, s := range map[string]settings{
		"first":              sealed(t, groupKey("a")),
		"second":             sealed(t, groupKey("a")),
		"two lines":          sealed(t, groupKey("b"), groupKey("a")),
		"other key":          sealed(t, groupKey("b")),
		"no key":             nil,
		"secret":             {"udp.connection_secret": secretOf('a')},
		"the key and secret": sealed(t, groupKey("a")).with(settings{"udp.connection_secret": secretOf('a')}),
	} {
		instances[name] = start(t, testSettings(t.TempDir()).with(s))
	}
	for _, tt := range []struct {
		from string
		to   []string
	}{
		{"first", []string{"second", "two lines"}},
		{"second", []string{"first", "two lines"}},
		{"two lines", []string{"other key"}},
		{"other key", []string{"two lines"}},
		{"no key", nil},
		{"secret", []string{"the key and secret"}},
		{"the key and secret", []string{"secret"}},
	} {
		id := instances[tt.from].gives()
		want := map[string]bool{tt.from: true}
		for _, name := range tt.to {
			want[name] = true
		}
		for name, d := range instances {
			if got := d.takes(id); got != want[name] {
				t.Errorf("an id of %q is taken by %q: %v", tt.from, name, got)
			}
		}
	}
}

// TestCheckSaysWhatConnectionIDsAreMadeFrom looks at the key in what it prints.
func TestCheckSaysWhatConnectionIDsAreMadeFrom(t *testing.T) {
	file := settings{"udp.connection_secret_file": fmt.Sprintf("%q", secretFile(t, strings.Repeat("a", 32)))}
	for want, s := range map[string]settings{
		`connection_secret = "" # default: kept in the database`:        nil,
		`connection_secret = "" # default: made from livesync.key_file`: sealed(t, groupKey("a")),
		`connection_secret = "" # default`:                              sealed(t, groupKey("a")).with(file),
	} {
		got := keeptrack("config", "check", testSettings(t.TempDir()).with(s).write(t))
		if !strings.Contains(got.stdout, "\n"+want+"\n") {
			t.Errorf("got %+v, want %q", got, want)
		}
	}
}

// TestConnectionIDsOutliveAChangeOfKeys takes two instances through the rounds of a
// change of keys. No id that one of them has ever given is refused.
func TestConnectionIDsOutliveAChangeOfKeys(t *testing.T) {
	old, new := groupKey("a"), groupKey("b")
	paths := [2]string{keyFile(t, old), keyFile(t, old)}
	var members [2]*instance
	for i, path := range paths {
		members[i] = start(t, testSettings(t.TempDir()).with(settings{"livesync.key_file": fmt.Sprintf("%q", path)}))
	}
	given := []uint64{members[0].gives()}
	for round, keys := range [][]string{{old, new}, {new, old}, {new}} {
		for i, d := range members {
			if err := os.WriteFile(paths[i], []byte(strings.Join(keys, "\n")), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := d.Cmd.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
			waitFor(t, "the reload", func() bool { return d.logged("config reloaded") > round })
			given = append(given, members[0].gives(), members[1].gives())
			for n, id := range given {
				for k, m := range members {
					if !m.takes(id) {
						t.Errorf("round %d, instance %d reloaded: id %d is refused by instance %d", round, i, n, k)
					}
				}
			}
		}
	}
	outsider := start(t, testSettings(t.TempDir()).with(sealed(t, old)))
	if !members[0].takes(given[0]) || outsider.takes(members[0].gives()) {
		t.Error("after the last round, the first id is refused, or ids are still made from the old key")
	}
}

// TestConnectionIDsOutliveTheFirstKey: ids of the database's secret last on when an instance
// gets a key, over restarts too, but none is taken that is made from that secret later.
func TestConnectionIDsOutliveTheFirstKey(t *testing.T) {
	dir := t.TempDir()
	s := testSettings(dir)
	d := start(t, s)
	before := d.gives()
	d.stop()
	stolen := filepath.Join(t.TempDir(), "keeptrack.db")
	if text, err := os.ReadFile(filepath.Join(dir, "keeptrack.db")); err != nil || os.WriteFile(stolen, text, 0o600) != nil {
		t.Fatal(err)
	}
	s = s.with(sealed(t, groupKey("a")))
	mate := start(t, testSettings(t.TempDir()).with(sealed(t, groupKey("a"))))
	for _, what := range []string{"with the key", "restarted"} {
		d = start(t, s)
		if !d.takes(before) || !mate.takes(d.gives()) || mate.takes(before) {
			t.Errorf("%s: the id of before is refused, or ids are not made from the key", what)
		}
		d.stop()
	}
	brief := settings{"udp.connection_id_lifetime": `"1s"`} // so that later is soon
	d = start(t, s.with(brief))
	thief := start(t, testSettings(t.TempDir()).with(brief).with(settings{"store.path": fmt.Sprintf("%q", stolen)}))
	waitFor(t, "ids of the database's secret to be refused", func() bool { return !d.takes(thief.gives()) })
	d.stop()
	d = start(t, s.with(brief).with(settings{"livesync.key_file": `""`}))
	waitFor(t, "ids to be made from the database's secret again", func() bool { return thief.takes(d.gives()) })
}
