package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestEarlySIGHUP sends one to a daemon that has not read its config yet, which
// comes through a pipe.
func TestEarlySIGHUP(t *testing.T) {
	dir := t.TempDir()
	text := []byte(readText(t, testSettings(dir).write(t)))
	pipe, pid := filepath.Join(dir, "config"), filepath.Join(dir, "pid")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := program(t, dir, "serve", "--config", pipe)
	cmd.Args = append([]string{"sh", "-c", `echo $$ > "$0" && exec "$@"`, pid, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	go func() {
		f, err := os.OpenFile(pipe, os.O_WRONLY, 0) // waits for the daemon to open it
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		digits, err := os.ReadFile(pid)
		if err != nil {
			t.Error(err)
			return
		}
		process, err := strconv.Atoi(strings.TrimSpace(string(digits)))
		if err == nil {
			err = syscall.Kill(process, syscall.SIGHUP)
		}
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = f.Write(text) // fails if the daemon has ended, of which the test hears
	}()
	d := startCommand(t, cmd, &http.Client{Timeout: patience})
	if err := os.WriteFile(pipe, text, 0); err != nil { // for the reload
		t.Fatal(err)
	}
	waitFor(t, "the reload", func() bool { return d.logged("config reloaded") > 0 })
	d.stop()
}
