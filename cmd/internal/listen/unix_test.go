package listen

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func listenUnix(t *testing.T, path string) *unixSocket {
	t.Helper()
	u, err := newUnixSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.Close() })
	return u
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func TestUnixSocketIsForUserAndGroup(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	path := filepath.Join(t.TempDir(), "s")
	listenUnix(t, path)
	file, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := file.Mode().Perm(); got != 0o660 {
		t.Errorf("mode %o", got)
	}
	if got := syscall.Umask(0); got != 0 {
		t.Errorf("umask left at %o", got)
	}
}

func TestStaleUnixSocketIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	listenUnix(t, path).Close() // as a daemon that was killed
	if !exists(path) {
		t.Fatal("closing has removed the file")
	}
	listenUnix(t, path)
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

func TestUnixSocketInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	first := listenUnix(t, path)
	_, err := newUnixSocket(path)
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	if first.Remove(); exists(path) {
		t.Error("its file is left")
	}
}

func TestOtherFilesAreNotReplaced(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := newUnixSocket(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "precious" {
		t.Errorf("now %q, %v", b, err)
	}
	if _, err := newUnixSocket(filepath.Join(dir, "none", "s")); err == nil || !strings.Contains(err.Error(), "none/s") {
		t.Errorf("in no directory: %v", err)
	}
}

// TestRemoveLeavesASuccessor: another process may have taken the path since.
func TestRemoveLeavesASuccessor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	old := listenUnix(t, path)
	old.Close()
	listenUnix(t, path)
	if err := old.Remove(); err != nil || !exists(path) {
		t.Errorf("removed a file that is another's: %v", err)
	}
}
