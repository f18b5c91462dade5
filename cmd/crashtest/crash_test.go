package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"keeptrack/cmd/testenv"
)

// crashtest runs the command in a folder for temporary files of its own, and
// returns what is left there.
func crashtest(t *testing.T, args ...string) (status int, stdout, stderr string, left []os.DirEntry) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	var out, complaints bytes.Buffer
	status = run(t.Context(), args, &out, &complaints)
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return status, out.String(), complaints.String(), left
}

func TestKills(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while") //nolint:forbidigo // asked for by -short
	}
	status, stdout, stderr, left := crashtest(t,
		"--kills", testenv.Pick("10", "200"), "--torrents", "20000")
	t.Log("\n" + stdout)
	if status != statusDone || stderr != "" {
		t.Fatalf("exit status %d: %s", status, stderr)
	}
	if len(left) > 0 {
		t.Errorf("%s is left behind", left)
	}
}

func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while") //nolint:forbidigo // asked for by -short
	}
	status, stdout, stderr, left := crashtest(t, "--soak", testenv.Pick("6s", "5m"), "--rate", "100", "--torrents", "1000")
	t.Log("\n" + stdout)
	if status != statusDone || stderr != "" || len(left) > 0 {
		t.Fatalf("exit status %d, %s left: %s", status, left, stderr)
	}
}

func TestWrongUsage(t *testing.T) {
	for _, args := range [][]string{
		{"--kills", "0"}, {"--torrents", "10"}, {"--rate", "1"}, {"--phase", "nonsense"}, {"--nonsense"}, {"argument"},
	} {
		if status, _, stderr, left := crashtest(t, args...); status != statusUsage || stderr == "" || len(left) > 0 {
			t.Errorf("%s: exit status %d, %q, %s left", args, status, stderr, left)
		}
	}
}

// TestViolation has a session meet a program that fails.
func TestViolation(t *testing.T) {
	status, _, stderr, left := crashtest(t, "--keeptrack", "/bin/false", "--torrents", "1000")
	if status != statusFailed || !strings.Contains(stderr, "db import") || len(left) != 1 || !strings.Contains(stderr, left[0].Name()) {
		t.Errorf("exit status %d, %q, %s left", status, stderr, left)
	}
}

func TestTimeout(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	t.Setenv("TMPDIR", t.TempDir())
	var stderr bytes.Buffer
	if status := run(ctx, []string{"--keeptrack", "/bin/true"}, &stderr, &stderr); status != statusFailed {
		t.Errorf("exit status %d: %s", status, &stderr)
	}
}
