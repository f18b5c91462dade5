package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestTheREADMEsTwoInstances runs the lines of README's "Two instances in sync"
// as they stand, but for the build.
func TestTheREADMEsTwoInstances(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("no bash")
	}
	for _, port := range []string{"6971", "6972", "6981", "6982"} {
		if taken("127.0.0.1:" + port) {
			t.Skipf("port %s is taken", port)
		}
	}
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(path, filepath.Join(dir, "keeptrack")); err != nil {
		t.Fatal(err)
	}
	script := strings.ReplaceAll(readmeLines(t, "## Two instances in sync"), "/tmp/", dir+"/")
	cmd := exec.Command("bash", "-c", script+"kill %1 %2\nwait\n")
	cmd.Dir = dir
	cmd.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	if !strings.Contains(stdout.String(), "\npeer 127.0.0.1:6881\n") {
		t.Errorf("the second instance does not hand out the first's peer:\n%s%s", &stdout, &stderr)
	}
}

// readmeLines returns the indented lines of a section of README, without those
// that build.
func readmeLines(t *testing.T, section string) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), section)
	if !found {
		t.Fatalf("README has no section %q", section)
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	var lines strings.Builder
	for line := range strings.Lines(rest) {
		if code, indented := strings.CutPrefix(line, "    "); indented && !strings.HasPrefix(code, "go build") {
			lines.WriteString(code)
		}
	}
	return lines.String()
}
