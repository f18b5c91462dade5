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

	"keeptrack/cmd/internal/config"
	"keeptrack/cmd/testenv"
)

// TestTheREADMEsFirstTry runs the lines of README's "Try it" as they stand, but for
// the build and the ports, and compares what the last one prints.
func TestTheREADMEsFirstTry(t *testing.T) {
	readme := sectionOf(t, "README.md", "Try it")
	lines := strings.SplitAfter(readme.commands, "\n")
	if len(lines) != 5 || len(readme.fenced) != 1 {
		t.Fatalf("README has the lines %q and %d blocks", lines, len(readme.fenced))
	}
	port, admin := strconv.Itoa(freePort(t)), "127.0.0.1:"+strconv.Itoa(freePort(t))
	s := newShell(t, documentFolder(t))
	s.do(lines[0])
	s.do(fmt.Sprintf("printf 'udp.listen = [\"127.0.0.1:%[1]s\"]\nhttp.listen = [\"127.0.0.1:%[1]s\"]\nadmin.listen = \"%[2]s\"\n' >> try.toml\n", port, admin))
	s.do(strings.TrimSpace(lines[1]) + " &\n")
	waitFor(t, "the tracker to be ready", func() bool { return page(admin, "/readyz") == "ready\n" })
	s.do(strings.ReplaceAll(lines[2]+lines[3], ":6969", ":"+port))
	_, printed, _ := strings.Cut(s.end(), "leechers 0\n") // the first announce's last line
	if want := withoutInterval(readme.fenced[0]); withoutInterval(printed) != want {
		t.Errorf("the second announce prints\n%s\nREADME has\n%s", printed, want)
	}
}

// withoutInterval returns what an announce prints without its first line, the
// interval, which is drawn anew each time.
func withoutInterval(printed string) string {
	_, rest, _ := strings.Cut(printed, "\n")
	return rest
}

// TestTwoInstancesOnOneHost runs the lines of docs/cluster.md's "Several instances on one
// host" with its config files as they stand, but for the ports. Where they sleep it
// waits for what they sleep for, which on a busy machine takes longer.
func TestTwoInstancesOnOneHost(t *testing.T) {
	example := sectionOf(t, "docs/cluster.md", "Several instances on one host")
	dir := documentFolder(t)
	var free []string // in place of the page's ports
	for _, port := range []string{"6971", "6972", "6981", "6982"} {
		free = append(free, port, strconv.Itoa(freePort(t)))
	}
	ports := strings.NewReplacer(free...)
	for _, file := range example.fenced {
		name, _, _ := strings.Cut(strings.TrimPrefix(file, "# "), "\n")
		if err := os.WriteFile(filepath.Join(dir, name), []byte(ports.Replace(file)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parts := strings.Split(ports.Replace(example.commands), "sleep 2\n")
	if len(parts) != 3 {
		t.Fatalf("the page sleeps %d times", len(parts)-1)
	}
	s := newShell(t, dir)
	s.do(parts[0])
	admin := []string{"127.0.0.1:" + free[5], "127.0.0.1:" + free[7]}
	for _, a := range admin {
		waitFor(t, a+" to be ready", func() bool { return page(a, "/readyz") == "ready\n" })
	}
	s.do(parts[1])
	waitFor(t, "the second instance to hear", func() bool {
		return strings.Contains(page(admin[1], "/metrics"), "\nkeeptrack_torrents 1\n")
	})
	s.do(parts[2])
	s.do(example.stop + "\nwait\n")
	if stdout := s.end(); !strings.Contains(stdout, "\npeer 127.0.0.1:6881\n") {
		t.Errorf("the second instance does not hand out the first's peer:\n%s", stdout)
	}
}

// TestTheREADMEsClouds makes the key of README's "Instances in several clouds" and starts
// three instances with the config there as it stands, but for the names of the hosts: all
// of them are this one, with a port each.
func TestTheREADMEsClouds(t *testing.T) {
	testenv.NeedProgram(t, "openssl")
	readme := sectionOf(t, "README.md", "Instances in several clouds")
	s := newShell(t, documentFolder(t))
	s.do(readme.commands)
	s.end()
	var ports, replaced []string
	for _, name := range []string{"a", "b", "c"} {
		ports = append(ports, strconv.Itoa(freePort(t)))
		replaced = append(replaced, name+".example.org:9696", "localhost:"+ports[len(ports)-1])
	}
	var all []*instance
	for _, port := range ports {
		files := strings.NewReplacer(append(replaced, `":9696"`, `":`+port+`"`, "/etc/keeptrack", s.cmd.Dir)...)
		more := settings{"livesync.max_delay": `"20ms"`}
		for line := range strings.Lines(readme.tomls[0]) {
			key, value, _ := strings.Cut(line, " = ")
			more[key] = strings.TrimSpace(files.Replace(value))
		}
		all = append(all, start(t, testSettings(t.TempDir()).with(more)))
	}
	for _, from := range all {
		waitFor(t, "the peers to be heard", func() bool { return from.metric("keeptrack_livesync_instances") == 2 })
	}
	for _, from := range all {
		id := from.gives()
		for _, to := range all {
			settle(t, from, to)
			if !to.takes(id) {
				t.Error("a connection id is refused by another instance")
			}
		}
	}
}

// TestTheREADMEsConfigs: what README shows as a config gives no warnings.
func TestTheREADMEsConfigs(t *testing.T) {
	configs := parseBlocks(readText(t, "../../README.md")).tomls
	if len(configs) != 3 {
		t.Errorf("README has %d configs", len(configs))
	}
	for _, text := range configs {
		if c, err := config.Parse("README", []byte(text)); err != nil {
			t.Errorf("%v in\n%s", err, text)
		} else if w := c.Warnings(); len(w) > 0 {
			t.Errorf("%q for\n%s", w, text)
		}
	}
}

// documentFolder returns a folder to run a document's lines in.
func documentFolder(t *testing.T) string {
	t.Helper()
	testenv.NeedProgram(t, "bash")
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(path, filepath.Join(dir, "keeptrack")); err != nil {
		t.Fatal(err)
	}
	return dir
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
	s.do("trap 'jobs=$(jobs -rp); [ -z \"$jobs\" ] || { kill $jobs && wait; }' EXIT\n")
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

// blocks is what a section of a document has for machines.
type blocks struct {
	commands string // the indented lines without those that build; ./keeptrack in place of go run
	fenced   []string
	tomls    []string // of these, those that are said to be TOML
	stop     string   // the command in the text that ends what runs
}

// sectionOf returns what a document has for machines below a heading.
func sectionOf(t *testing.T, document, heading string) blocks {
	t.Helper()
	_, rest, found := strings.Cut(readText(t, filepath.Join(root, document)), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("%s has no section %q", document, heading)
	}
	section, _, _ := strings.Cut(rest, "\n## ")
	return parseBlocks(section)
}

func parseBlocks(text string) blocks {
	r := blocks{stop: strings.Join(matches("`(kill [^`]+)`", text), "\n")}
	for i, part := range strings.Split(text, "\n```") {
		if i%2 == 1 {
			language, block, _ := strings.Cut(part, "\n")
			r.fenced = append(r.fenced, block+"\n")
			if language == "toml" {
				r.tomls = append(r.tomls, block)
			}
			continue
		}
		for line := range strings.Lines(part) {
			if code, indented := strings.CutPrefix(line, "    "); indented && !strings.HasPrefix(code, "go build") {
				r.commands += strings.Replace(code, "go run ./cmd/keeptrack", "./keeptrack", 1)
			}
		}
	}
	return r
}
