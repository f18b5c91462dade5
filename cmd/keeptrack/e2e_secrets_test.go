package main

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFilesAreForTheirOwner has nothing but the program itself keep others out.
func TestFilesAreForTheirOwner(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	dir, made := t.TempDir(), t.TempDir()
	s := testSettings(made)
	config := filepath.Join(dir, "keeptrack.toml")
	if err := os.Rename(s.write(t), config); err != nil {
		t.Fatal(err)
	}
	d := startIn(t, made, "serve", "--config", config)
	database, copied := filepath.Join(made, "keeptrack.db"), filepath.Join(made, "copy.db")
	commands := [][]string{
		{"backup", "--admin", "http://" + d.admin, copied},
		{"restore", "--config", config, copied},
		{"db", "compact", database},
		{"db", "import", filepath.Join(made, "imported.db"), textFile(t, someText)},
	}
	for i, args := range commands {
		if i == 1 {
			d.stop()
		}
		if got := runProgram(t, made, args...); got.status != statusDone {
			t.Errorf("%v: %+v", args, got)
		}
	}
	for _, name := range names(t, made) {
		file, err := os.Stat(filepath.Join(made, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := file.Mode().Perm(); got != 0o600 {
			t.Errorf("%s has mode %o", name, got)
		}
	}
}

// TestSecretsAreNotTold has everything logged that can be, and looks for what
// only the operator is to know.
func TestSecretsAreNotTold(t *testing.T) {
	const token = "open-sesame-0123456789"
	secret := strings.Repeat("5ec2e7", 6)
	key := strings.Repeat("6b65791a", 8)
	group := newMulticastGroup(t)
	s := group.member(settings{
		"livesync.key_file":     fmt.Sprintf("%q", keyFile(t, key)),
		"log.level":             `"trace"`,
		"admin.token":           fmt.Sprintf("%q", token),
		"udp.connection_secret": fmt.Sprintf("%q", secret),
	})
	dir, config := t.TempDir(), s.write(t)
	d := startIn(t, dir, "serve", "--config", config)
	for _, url := range d.urls() {
		announceTo(t, url, hashOf("any"), 6881, 1, 0)
	}
	told := ""
	for _, authorization := range []string{"", "Bearer wrong", "Bearer " + token} {
		_, body := get(t, "http://"+d.admin+"/metrics", "Authorization", authorization)
		told += body
	}
	d.Cmd.Process.Signal(syscall.SIGHUP)
	waitFor(t, "the reload", func() bool { return d.logged("config reloaded") > 0 })
	for _, args := range [][]string{
		{"config", "check", config},
		{"backup", "--config", config, "--admin", "http://" + d.admin, filepath.Join(dir, "copy.db")},
		{"db", "inspect", filepath.Join(dir, "copy.db")},
		{"db", "verify", filepath.Join(dir, "copy.db")},
	} {
		got := runProgram(t, dir, args...)
		if got.status != statusDone {
			t.Errorf("%v: %+v", args, got)
		}
		told += got.stdout + got.stderr
	}
	d.stop()
	told += strings.Join(d.log, "\n")
	if !strings.Contains(told, `"level":"trace"`) || !strings.Contains(told, "(hidden)") {
		t.Error("not everything was logged and shown")
	}
	hidden := []string{token}
	for _, digits := range []string{secret, key} {
		raw, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		hidden = append(hidden, digits, string(raw), base64.StdEncoding.EncodeToString(raw), fmt.Sprint(raw))
	}
	for _, h := range hidden {
		if strings.Contains(strings.ToLower(told), strings.ToLower(h)) {
			t.Errorf("%q is told", h)
		}
	}
}
