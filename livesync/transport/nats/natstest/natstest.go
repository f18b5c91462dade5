// Package natstest runs NATS servers for tests.
package natstest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var built struct {
	sync.Mutex
	path string
}

// Binary builds nats-server, of the version in tools/nats/go.mod, and returns its path. Its
// modules are downloaded only if download says so.
func Binary(download bool) (string, error) {
	built.Lock()
	defer built.Unlock()
	if built.path != "" {
		return built.path, nil
	}
	env := append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if !download {
		env = append(env, "GOPROXY=off")
	}
	run := func(args ...string) (string, error) {
		cmd := exec.Command("go", args...)
		var stderr bytes.Buffer
		cmd.Env, cmd.Stderr = env, &stderr
		out, err := cmd.Output()
		if err != nil {
			return "", fmt.Errorf("go %s: %w %s", strings.Join(args, " "), err, &stderr)
		}
		return strings.TrimSpace(string(out)), nil
	}
	mod, err := run("env", "GOMOD")
	if err != nil {
		return "", err
	}
	path, err := run("tool", "-modfile="+filepath.Join(filepath.Dir(mod), "tools/nats/go.mod"), "-n", "nats-server")
	built.path = path
	return path, err
}

// FreePort returns a TCP port of the loopback interface that nobody uses.
func FreePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// Server is a NATS server.
type Server struct {
	// Address is the host and port for clients, on the loopback interface.
	Address string
	// Used is what its processes have used of the CPU, user and system, that have ended.
	Used time.Duration

	t       testing.TB
	command []string
	log     string // path
	cmd     *exec.Cmd
}

// Start runs a server with a config, to which the address for clients is added if it begins
// with another setting, until the end of the test at the latest. The command is the binary, perhaps with a program before
// it that becomes it.
func Start(t testing.TB, config string, command ...string) *Server {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "nats.conf")
	s := &Server{
		Address: fmt.Sprintf("127.0.0.1:%d", FreePort(t)),
		t:       t, log: filepath.Join(dir, "nats.log"), command: append(command, "-c", path),
	}
	if !strings.HasPrefix(config, "listen:") {
		config = fmt.Sprintf("listen: %q\n%s", s.Address, config)
	}
	text := fmt.Sprintf("%s\nlog_file: %q\n", config, s.log)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Stop()
		if t.Failed() {
			b, _ := os.ReadFile(s.log)
			t.Logf("the NATS server at %s:\n%s", s.Address, b)
		}
	})
	s.Resume()
	return s
}

// Resume starts the server again, at the same address, and waits until it serves.
func (s *Server) Resume() {
	s.t.Helper()
	before := s.starts()
	s.cmd = exec.Command(s.command[0], s.command[1:]...)
	var out bytes.Buffer
	s.cmd.Stdout, s.cmd.Stderr = &out, &out
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); s.starts() == before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.Stop()
			s.t.Fatalf("the NATS server does not serve: %s", &out)
		}
	}
}

// starts returns how often the server has begun to serve.
func (s *Server) starts() int {
	b, _ := os.ReadFile(s.log) // which is not there at first
	return bytes.Count(b, []byte("Server is ready"))
}

// Stop ends the server at once, as a crash does.
func (s *Server) Stop() { s.signal(syscall.SIGKILL) }

// Leave ends the server as a restart does.
func (s *Server) Leave() { s.signal(syscall.SIGTERM) }

// Pause has the server do nothing more until Continue, with its connections kept.
func (s *Server) Pause() { _ = s.cmd.Process.Signal(syscall.SIGSTOP) }

// Continue ends a Pause.
func (s *Server) Continue() { _ = s.cmd.Process.Signal(syscall.SIGCONT) }

// signal sends a signal that ends the server, and waits for that.
func (s *Server) signal(n syscall.Signal) {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(n)
	_ = s.cmd.Wait() // which tells of the signal
	s.Used += s.cmd.ProcessState.UserTime() + s.cmd.ProcessState.SystemTime()
	s.cmd = nil
}
