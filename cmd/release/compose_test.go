package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"keeptrack/cmd/internal/config"
	"keeptrack/cmd/testenv"
)

// TestCompose: compose.yaml is what the Compose Specification describes, the files that
// it mounts are there, and the variables of keeptrack are keys.
func TestCompose(t *testing.T) {
	cmd := exec.Command("go", "tool", "-modfile=tools/compose/go.mod", "cmd", "--format", "json", "compose.yaml")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	text, err := output(cmd)
	if err != nil {
		t.Fatal(err)
	}
	var project struct {
		Services map[string]struct {
			NetworkMode string `json:"network_mode"`
			Environment map[string]string
			Volumes     []struct{ Type, Source string }
		}
	}
	if err := json.Unmarshal(text, &project); err != nil {
		t.Fatal(err)
	}
	if len(project.Services) != 3 {
		t.Errorf("services: %v", project.Services)
	}
	for name, s := range project.Services {
		if s.NetworkMode != "host" {
			t.Errorf("%s has the network mode %q", name, s.NetworkMode)
		}
		for _, v := range s.Volumes {
			if _, err := os.Stat(v.Source); v.Type == "bind" && err != nil {
				t.Errorf("%s mounts what is not there: %v", name, err)
			}
		}
	}
	var environment []string
	for key, value := range project.Services["keeptrack"].Environment {
		environment = append(environment, key+"="+value)
	}
	if _, err := config.Load("", environment); err != nil || len(environment) == 0 {
		t.Errorf("environment %q: %v", environment, err)
	}
}

// TestPrometheusConfig: what compose.yaml has Prometheus run with is right, rules
// included.
func TestPrometheusConfig(t *testing.T) {
	testenv.NeedProgram(t, "promtool")
	out, err := exec.Command("promtool", "check", "config", filepath.Join(root, "packaging", "prometheus", "prometheus.yml")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "1 rule files found") {
		t.Errorf("%v\n%s", err, out)
	}
}
