package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestTheREADMEsTwoInstances runs the lines of README's "Two instances in sync"
// as they stand, but for the build, the folder and the ports. Where they sleep
// it waits for what they sleep for, which on a busy machine takes longer.
func TestTheREADMEsTwoInstances(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("no bash")
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
	var admin [2]string
	for _, port := range []string{"6971", "6972", "6981", "6982"} {
		free := strconv.Itoa(freePort(t))
		script = strings.ReplaceAll(script, port, free)
		admin[0], admin[1] = admin[1], "127.0.0.1:"+free
	}
	parts := strings.Split(script, "sleep 2\n")
	if len(parts) != 3 {
		t.Fatalf("README sleeps %d times", len(parts)-1)
	}
	s := newShell(t, dir)
	s.do(parts[0])
	for _, a := range admin {
		waitFor(t, a+" to be ready", func() bool { return page(a, "/readyz") == "ready\n" })
	}
	s.do(parts[1])
	waitFor(t, "the second instance to hear", func() bool {
		return strings.Contains(page(admin[1], "/metrics"), "\nkeeptrack_torrents 1\n")
	})
	s.do(parts[2])
	if stdout := s.end(); !strings.Contains(stdout, "\npeer 127.0.0.1:6881\n") {
		t.Errorf("the second instance does not hand out the first's peer:\n%s", stdout)
	}
}

// page returns a page of an admin address, or that there is none.
func page(address, path string) string {
	resp, err := (&http.Client{Timeout: patience}).Get("http://" + address + path)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// shell is somebody at a terminal. What is started in the background ends with
// it.
type shell struct {
	t              *testing.T
	cmd            *exec.Cmd
	stdin          io.WriteCloser
	stdout, stderr bytes.Buffer
}

func newShell(t *testing.T, dir string) *shell {
	t.Helper()
	s := &shell{t: t, cmd: exec.Command("bash", "-e")}
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = dir, &s.stdout, &s.stderr
	s.cmd.WaitDelay = time.Second
	var err error
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.stdin.Close()
		s.cmd.Wait()
	})
	s.do("trap 'kill $(jobs -p) && wait' EXIT\n")
	return s
}

// do has lines run.
func (s *shell) do(lines string) {
	s.t.Helper()
	if _, err := fmt.Fprint(s.stdin, lines); err != nil {
		s.t.Fatal(err)
	}
}

// end waits for the end of all lines, which have to succeed, and returns what
// they printed.
func (s *shell) end() string {
	s.t.Helper()
	s.stdin.Close()
	if err := s.cmd.Wait(); err != nil {
		s.t.Fatalf("%v\n%s", err, &s.stderr)
	}
	return s.stdout.String()
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
