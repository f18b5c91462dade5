package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSystemdUnits has systemd read the units, and judge what the service could
// do if it were taken over.
func TestSystemdUnits(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		if requireClients {
			t.Fatal(err)
		}
		t.Skip(err)
	}
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
		here := strings.Replace(string(text), "/usr/bin/keeptrack", binary, 1)
		if err := os.WriteFile(path, []byte(here), 0o600); err != nil {
			t.Fatal(err)
		}
		units = append(units, path)
	}
	service := filepath.Join(dir, "keeptrack.service")
	for _, args := range [][]string{units, {"security", "--offline=true", "--threshold=15", service}} {
		if out, err := exec.Command("systemd-analyze", args...).CombinedOutput(); err != nil || args[0] == "verify" && len(out) > 0 {
			t.Errorf("systemd-analyze %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}
