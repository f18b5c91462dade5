package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const someText = "00000000000000000000000000000000000000ff\t0\t29000001\n" +
	anyHash + "\t77\t29000000\n"

// textFile writes text to a file and returns its path.
func textFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// someDatabase imports someText into a new file.
func someDatabase(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keeptrack.db")
	want := outcome{statusDone, path + ": lines 2, torrents new or changed 2, lines refused 0\n", ""}
	if got := keeptrack("db", "import", path, textFile(t, someText)); got != want {
		t.Fatalf("got %+v, want %+v", got, want)
	}
	return path
}

// breakFile overwrites all but the first two pages.
func breakFile(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	clear(b[2*os.Getpagesize():])
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestDBExport(t *testing.T) {
	if got := keeptrack("db", "export", someDatabase(t)); got != (outcome{statusDone, someText, ""}) {
		t.Errorf("got %+v", got)
	}
}

func TestDBVerify(t *testing.T) {
	path := someDatabase(t)
	if got := keeptrack("db", "verify", path); got != (outcome{statusDone, path + ": ok\n", ""}) {
		t.Errorf("got %+v", got)
	}
	if got := keeptrack("db", "verify", "--json", path); got.stdout != `{"file":"`+path+`","ok":true,"findings":[]}`+"\n" {
		t.Errorf("got %+v", got)
	}
	breakFile(t, path)
	got := keeptrack("db", "verify", path)
	if got.status != statusFailed || !strings.HasPrefix(got.stdout, path+": page ") || !strings.Contains(got.stderr, path+" is damaged") {
		t.Errorf("got %+v", got)
	}
	var result struct {
		OK       bool
		Findings []string
	}
	got = keeptrack("db", "verify", "--json", path)
	if err := json.Unmarshal([]byte(got.stdout), &result); err != nil || got.status != statusFailed || result.OK || len(result.Findings) == 0 {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestDBOfOneHeadPage: db verify fails and names the page, db inspect goes on
// with a warning.
func TestDBOfOneHeadPage(t *testing.T) {
	for page := range 2 {
		path := someDatabase(t)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		clear(b[page*os.Getpagesize():][:os.Getpagesize()])
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		finding := fmt.Sprintf("meta page %d: begins with 0x0, which is not bbolt's mark", page)
		want := outcome{statusFailed, path + ": " + finding + "\n", "keeptrack: database " + path + " is damaged, findings: 1\n"}
		if got := keeptrack("db", "verify", path); got != want {
			t.Errorf("verify: got %+v, want %+v", got, want)
		}
		got := keeptrack("db", "inspect", path)
		warning := "keeptrack: warning: database " + path + " is damaged: " + finding + "; "
		if got.status != statusDone || !strings.HasPrefix(got.stderr, warning) || !strings.Contains(got.stdout, "torrents ") {
			t.Errorf("inspect: got %+v, want the warning %q", got, warning)
		}
	}
}

func TestDBInspect(t *testing.T) {
	path := someDatabase(t)
	got := keeptrack("db", "inspect", "--top", "1", path)
	for _, want := range []string{
		"schema version 5\n", "access overrides 0, dropped 0\n", "origins 0, folded 0, parts 0\n", "torrents 2\n", "downloads 77\n",
		"oldest last announce 2025-02-19T21:20:00Z\nnewest last announce 2025-02-19T21:21:00Z\n" +
			anyHash + " downloaded 77 last announce 2025-02-19T21:20:00Z\n",
	} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if got.status != statusDone || got.stderr != "" {
		t.Errorf("got %+v", got)
	}
	var result map[string]any
	if err := json.Unmarshal([]byte(keeptrack("db", "inspect", "--json", "--top", "1", path).stdout), &result); err != nil {
		t.Fatal(err)
	}
	top := []any{map[string]any{"info_hash": anyHash, "downloaded": 77.0, "last_announce": "2025-02-19T21:20:00Z"}}
	if result["torrents"] != 2.0 || result["schema_version"] != 5.0 || !reflect.DeepEqual(result["top"], top) {
		t.Errorf("got %v", result)
	}
	if got := keeptrack("db", "inspect", "--top", "-1", path); got.status != statusUsage {
		t.Errorf("got %+v", got)
	}
}

func TestDBCompact(t *testing.T) {
	path := someDatabase(t)
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := keeptrack("db", "compact", path); got.status != statusDone || !strings.HasPrefix(got.stdout, path+": ") || got.stderr != "" {
		t.Errorf("got %+v", got)
	}
	if after, err := os.Stat(path); err != nil || after.Size() >= before.Size() {
		t.Errorf("%v: as large as before", err)
	}
	if got := keeptrack("db", "export", path); got.stdout != someText {
		t.Errorf("got %+v", got)
	}
}

func TestDBMigrateNothingToDo(t *testing.T) {
	path := someDatabase(t)
	for _, args := range [][]string{{"db", "migrate", path}, {"db", "migrate", "--dry-run", path}} {
		if got := keeptrack(args...); got != (outcome{statusDone, path + ": schema version 5, nothing to do\n", ""}) {
			t.Errorf("%v: got %+v", args, got)
		}
	}
	want := `{"file":"` + path + `","from":5,"to":5,"steps":[],"dry_run":true}` + "\n"
	if got := keeptrack("db", "migrate", "--dry-run", "--json", path); got != (outcome{statusDone, want, ""}) {
		t.Errorf("got %+v, want %s", got, want)
	}
}

// TestDBMigrate brings a file of schema version 1 to the newest.
func TestDBMigrate(t *testing.T) {
	old, err := os.ReadFile(filepath.Join("..", "..", "store", "testdata", "v1.db"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "keeptrack.db")
	if err := os.WriteFile(path, old, 0o600); err != nil {
		t.Fatal(err)
	}
	want := path + ": to be migrated from schema version 1 to 5\n2 access\n3 chunks\n4 overrides\n5 parts\n"
	if got := keeptrack("db", "migrate", "--dry-run", path); got != (outcome{statusDone, want, ""}) {
		t.Errorf("got %+v, want %s", got, want)
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, old) {
		t.Errorf("--dry-run has changed the file, or %v", err)
	}
	if got := keeptrack("db", "inspect", path); got.status != statusFailed || !strings.Contains(got.stderr, "schema version 1, migrate it to 5 first") {
		t.Errorf("got %+v", got)
	}
	want = path + ": migrated from schema version 1 to 5\n2 access\n3 chunks\n4 overrides\n5 parts\n"
	if got := keeptrack("db", "migrate", path); got != (outcome{statusDone, want, ""}) {
		t.Errorf("got %+v, want %s", got, want)
	}
	for _, file := range []string{path, path + ".v1.bak"} {
		if got := keeptrack("db", "verify", file); got.status != statusDone {
			t.Errorf("got %+v", got)
		}
	}
}

func TestDBImportRefuses(t *testing.T) {
	path := someDatabase(t)
	text := textFile(t, "5024E27A65DA1E1EA6DC6A51168CB2D710CFC5E6:29000000:80\n\nnonsense\n")
	got := keeptrack("db", "import", "--json", path, text)
	want := outcome{
		statusFailed, `{"file":"` + path + `","lines":2,"changed":1,"refused":1}` + "\n",
		"keeptrack: " + text + ":3: neither hash<TAB>downloaded<TAB>last-announce nor HASH:base:downloaded\n" +
			"keeptrack: lines refused: 1\n",
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := keeptrack("db", "export", path); !strings.Contains(got.stdout, anyHash+"\t80\t") {
		t.Errorf("got %+v", got)
	}
}

func TestDBWithoutAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keeptrack.db")
	for _, name := range []string{"verify", "inspect", "compact", "migrate", "export"} {
		got := keeptrack("db", name, path)
		if want := "keeptrack: database " + path + ": no such file or directory\n"; got != (outcome{statusFailed, "", want}) {
			t.Errorf("%s: got %+v", name, got)
		}
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s: the file is there now, %v", name, err)
		}
	}
}

// TestBackupOntoTheDatabase: a copy in place of the database would be its end.
func TestBackupOntoTheDatabase(t *testing.T) {
	path := someDatabase(t)
	config := filepath.Join(t.TempDir(), "keeptrack.toml")
	if err := os.WriteFile(config, []byte("[store]\npath = \""+path+"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{path, link} {
		want := outcome{statusUsage, "", "keeptrack: " + out + " is the database itself\n"}
		if got := keeptrack("backup", "--config", config, out); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	if got := keeptrack("db", "export", path); got.stdout != someText {
		t.Errorf("got %+v", got)
	}
}
