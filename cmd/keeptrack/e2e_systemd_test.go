package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"keeptrack/internal/testenv"
)

// newerKeys are what systemd before 254 says of keys that it does not know, and
// does without.
var newerKeys = regexp.MustCompile(`(?m)^.*Unknown key (name )?'(RestartSteps|RestartMaxDelaySec)' in section .Service., ignoring\.\n`)

// TestSystemdUnits has systemd read the units, and judge what the service could
// do if it were taken over.
func TestSystemdUnits(t *testing.T) {
	testenv.NeedProgram(t, "systemd-analyze")
	binary, err := built()
	if err != nil {
		t.Fatal(err)
	}
	source, dir := filepath.Join("..", "..", "packaging", "systemd"), t.TempDir()
	units := []string{"verify", "--man=no"}
	for _, name := range names(t, source) {
		if ext := filepath.Ext(name); ext != ".service" && ext != ".socket" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		here := strings.ReplaceAll(string(text), "/usr/bin/keeptrack", binary)
		if err := os.WriteFile(path, []byte(here), 0o600); err != nil {
			t.Fatal(err)
		}
		units = append(units, path)
	}
	service := filepath.Join(dir, "keeptrack.service")
	for _, args := range [][]string{units, {"security", "--offline=true", "--threshold=15", service}} {
		out, err := exec.Command("systemd-analyze", args...).CombinedOutput()
		if complaints := newerKeys.ReplaceAllString(string(out), ""); err != nil || args[0] == "verify" && complaints != "" {
			t.Errorf("systemd-analyze %s: %v\n%s", strings.Join(args, " "), err, complaints)
		}
	}
}

// TestUnitBringsTheDaemonBack holds what decides over starts of the daemon: a
// crash is followed by another start, however often, a wrong config by none, and
// the daemon's memory costs no other program its life.
func TestUnitBringsTheDaemonBack(t *testing.T) {
	unit := readText(t, filepath.Join("..", "..", "packaging", "systemd", "keeptrack.service"))
	const config = "/etc/keeptrack/keeptrack.toml"
	for key, want := range map[string][]string{
		"StartLimitIntervalSec":    {"0"},
		"StartLimitBurst":          nil,
		"Restart":                  {"on-failure"},
		"RestartPreventExitStatus": {fmt.Sprint(statusUsage)},
		"RestartSec":               {"2s"},
		"RestartSteps":             {"8"},
		"RestartMaxDelaySec":       {"2min"},
		"OOMScoreAdjust":           nil,
		"ExecStart":                {"/usr/bin/keeptrack serve --config " + config},
		"ExecReload":               {"/usr/bin/keeptrack config check --quiet " + config, "kill -HUP $MAINPID"},
	} {
		var got []string
		for _, m := range regexp.MustCompile(`(?m)^`+key+`=(.*)$`).FindAllStringSubmatch(unit, -1) {
			got = append(got, m[1])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
}
