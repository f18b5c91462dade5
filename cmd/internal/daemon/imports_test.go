package daemon_test

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// allowed names, for each of the project's packages that others build on, the
// packages of the project that it may import. Config and admin take the bounds and
// types that they share with the domain and live sync from there.
var allowed = map[string][]string{
	"keeptrack/cmd/testenv":          {},
	"keeptrack/tracker":              {},
	"keeptrack/migrations":           {"keeptrack/store/runs"},
	"keeptrack/tracker/internal/nap": {},
	"keeptrack/tracker/bencode":      {},
	"keeptrack/tracker/override":     {"keeptrack/tracker"},
	"keeptrack/tracker/bep15":        {"keeptrack/tracker"},
	"keeptrack/tracker/busiest":      {"keeptrack/tracker"},
	"keeptrack/tracker/trace":        {"keeptrack/tracker"},
	"keeptrack/tracker/peergroup":    {"keeptrack/tracker"},
	"keeptrack/tracker/udp":          {"keeptrack/tracker", "keeptrack/tracker/bep15", "keeptrack/tracker/busiest", "keeptrack/tracker/trace", "keeptrack/tracker/internal/nap"},
	"keeptrack/tracker/http":         {"keeptrack/tracker", "keeptrack/tracker/busiest", "keeptrack/tracker/trace", "keeptrack/tracker/internal/nap"},
	"keeptrack/livesync":             {"keeptrack/tracker", "keeptrack/tracker/override", "keeptrack/tracker/peergroup", "keeptrack/livesync/wire", "keeptrack/livesync/exact", "keeptrack/livesync/transport"},
	"keeptrack/livesync/exact":       {"keeptrack/tracker", "keeptrack/tracker/override"},
	"keeptrack/livesync/transport":   {},
	"keeptrack/livesync/wire":        {"keeptrack/tracker", "keeptrack/tracker/override", "keeptrack/tracker/peergroup", "keeptrack/livesync/exact"},
	"keeptrack/store":                {"keeptrack/tracker", "keeptrack/tracker/override", "keeptrack/migrations", "keeptrack/store/boltpage", "keeptrack/store/runs", "keeptrack/store/safefile"},
	"keeptrack/store/boltpage":       {},
	"keeptrack/store/runs":           {},
	"keeptrack/store/snapshot":       {"keeptrack/tracker", "keeptrack/tracker/peergroup", "keeptrack/store/safefile"},
	"keeptrack/store/safefile":       {},
	"keeptrack/cmd/internal/config": {
		"keeptrack/tracker", "keeptrack/cmd/internal/printable", "keeptrack/cmd/internal/suggest", "keeptrack/livesync", "keeptrack/livesync/wire",
		"keeptrack/livesync/transport/multicast", "keeptrack/livesync/transport/nats", "keeptrack/livesync/transport/unicast",
	},
	"keeptrack/cmd/internal/suggest": {},
	"keeptrack/cmd/internal/memory":  {},
	"keeptrack/cmd/internal/harness": {},
	"keeptrack/cmd/internal/logging": {},
	"keeptrack/cmd/internal/client": {
		"keeptrack/tracker", "keeptrack/tracker/bencode", "keeptrack/tracker/bep15", "keeptrack/cmd/internal/printable",
	},
	"keeptrack/cmd/internal/torrent": {"keeptrack/tracker", "keeptrack/tracker/bencode"},
	"keeptrack/cmd/internal/bench": {
		"keeptrack/tracker", "keeptrack/tracker/bencode", "keeptrack/tracker/bep15", "keeptrack/cmd/internal/client",
		"keeptrack/cmd/internal/printable",
	},
	"keeptrack/cmd/internal/admin":        {"keeptrack/tracker", "keeptrack/tracker/busiest", "keeptrack/tracker/trace", "keeptrack/cmd/internal/printable"},
	"keeptrack/cmd/internal/certificates": {"keeptrack/cmd/internal/config"},
	"keeptrack/cmd/internal/listen":       {"keeptrack/cmd/internal/config", "keeptrack/store/safefile"},

	"keeptrack/livesync/transport/multicast": {"keeptrack/livesync/transport", "keeptrack/livesync/transport/udpsocket"},
	"keeptrack/livesync/transport/unicast":   {"keeptrack/livesync/transport", "keeptrack/livesync/transport/udpsocket"},
	"keeptrack/livesync/transport/udpsocket": {},
	"keeptrack/livesync/transport/memory":    {"keeptrack/livesync/transport"},
	"keeptrack/livesync/transport/nats":      {"keeptrack/livesync/transport"},
	"keeptrack/cmd/internal/admin/otstats":   {"keeptrack/tracker"},
}

// TestImportsGoOneWay holds the direction of imports: the domain knows nobody,
// the technologies around it know the domain and not each other, and only the
// daemon knows them all.
func TestImportsGoOneWay(t *testing.T) {
	seen := map[string]bool{}
	for path, imports := range packages(t) {
		want, ok := allowed[path]
		if !ok {
			if _, below, _ := strings.Cut(path, "/"); !strings.HasPrefix(below, "cmd/") && !strings.HasSuffix(path, "test") {
				t.Errorf("%s is not listed: add it with what it may import", path)
			}
			continue
		}
		seen[path] = true
		for _, i := range imports {
			if strings.HasPrefix(i, "keeptrack/") && !slices.Contains(want, i) {
				t.Errorf("%s imports %s", path, i)
			}
		}
	}
	for path := range allowed {
		if !seen[path] {
			t.Errorf("there is no package %s", path)
		}
	}
}

// TestOnlyTheDaemonKnowsAllParts holds that the parts are tied together in one
// place.
func TestOnlyTheDaemonKnowsAllParts(t *testing.T) {
	parts := []string{"keeptrack/store", "keeptrack/livesync", "keeptrack/tracker/http"}
	for path, imports := range packages(t) {
		all := !slices.ContainsFunc(parts, func(p string) bool { return !slices.Contains(imports, p) })
		if all != (path == "keeptrack/cmd/internal/daemon") {
			t.Errorf("%s imports all parts: %v", path, all)
		}
	}
}

// TestOnlyTheDaemonKnowsTheFrontEnds holds that clients, the load generator and the
// crash harness share packets with the servers, and no more.
func TestOnlyTheDaemonKnowsTheFrontEnds(t *testing.T) {
	for path, imports := range packages(t) {
		for _, front := range []string{"keeptrack/tracker/udp", "keeptrack/tracker/http"} {
			if slices.Contains(imports, front) != (path == "keeptrack/cmd/internal/daemon") {
				t.Errorf("%s and %s: one imports the other, or the daemon does not", path, front)
			}
		}
	}
}

// TestOnlyTestsShareFixtures holds that packages for tests are imported by tests
// alone.
func TestOnlyTestsShareFixtures(t *testing.T) {
	for path, imports := range packages(t) {
		for _, i := range imports {
			if strings.HasPrefix(i, "keeptrack/") && strings.HasSuffix(i, "test") || i == "keeptrack/cmd/testenv" {
				t.Errorf("%s imports %s", path, i)
			}
		}
	}
}

// TestTheHouseIsAsDrawn holds that every arrow of the picture in docs/internals/design.md is an
// import.
func TestTheHouseIsAsDrawn(t *testing.T) {
	text, err := os.ReadFile("../../../docs/internals/design.md")
	if err != nil {
		t.Fatal(err)
	}
	_, picture, _ := strings.Cut(string(text), "flowchart TD\n")
	picture, _, _ = strings.Cut(picture, "```")
	imports, named := packages(t), map[string]string{}
	path := func(node string) string {
		id, label, drawn := strings.Cut(strings.TrimSpace(node), `["`)
		if drawn {
			named[id] = "keeptrack/" + strings.TrimSuffix(label, `"]`)
		}
		return named[id]
	}
	arrows := 0
	for line := range strings.Lines(picture) {
		from, to, _ := strings.Cut(line, " --> ")
		if from, to := path(from), path(to); !slices.Contains(imports[from], to) {
			t.Errorf("docs/internals/design.md draws an arrow from %q to %q, which is no import", from, to)
		}
		arrows++
	}
	if arrows == 0 {
		t.Error("docs/internals/design.md has no picture")
	}
}

// packages returns the imports of every package of the project. With a profile, those
// of the program would be listed as variants of the packages.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-pgo=off", "-json=ImportPath,Imports", "keeptrack/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	found := map[string][]string{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); err == io.EOF {
			return found
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		found[p.ImportPath] = p.Imports
	}
}
