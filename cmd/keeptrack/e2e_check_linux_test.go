package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keeptrack/cmd/internal/privilege"
	"keeptrack/internal/testenv"
)

// TestConfigCheckLooksAtFolders: what the daemon could not make its files in.
func TestConfigCheckLooksAtFolders(t *testing.T) {
	testenv.NeedRoot(t)
	top := openDir(t)
	file := filepath.Join(top, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(top, "none")
	for _, c := range []struct {
		name string
		s    settings
		want string
	}{
		{"all there", settings{}, ""},
		{"no folder for the database", settings{"store.path": fmt.Sprintf("%q", missing+"/a.db")}, "store.path: the folder " + missing + " is missing"},
		{"a file for a folder", settings{"store.path": fmt.Sprintf("%q", file+"/a.db")}, "store.path: the folder " + file + " is not a folder"},
		{"no folder for a socket", settings{"http.listen": fmt.Sprintf("[%q]", "unix:"+missing+"/s")}, "http.listen: the folder " + missing + " is missing"},
		{"no folder for the admin socket", settings{"admin.listen": fmt.Sprintf("%q", "unix:"+missing+"/s")}, "admin.listen: the folder " + missing + " is missing"},
		{"root's folder, and another user", settings{"process.user": fmt.Sprintf("%q", unprivileged)}, `store.path: the folder ` + top + ` cannot be written to by process.user "nobody": its permissions forbid it`},
		{"a user who is not there", settings{"process.user": `"keeptrack-nobody-else"`}, `by process.user "keeptrack-nobody-else": user: unknown user`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := keeptrack("config", "check", "--quiet", testSettings(top).with(c.s).write(t))
			if got.status != statusDone || c.want == "" && got.stderr != "" || !strings.Contains(got.stderr, c.want) || strings.Count(got.stderr, "\n") > 1 {
				t.Errorf("status %d: %q, want %q", got.status, got.stderr, c.want)
			}
		})
	}
}

// TestFolderThatCannotBeWrittenTo looks as the user himself.
func TestFolderThatCannotBeWrittenTo(t *testing.T) {
	uid, gid := needUser(t)
	own, roots := openDir(t), openDir(t)
	if err := os.Chown(own, uid, gid); err != nil {
		t.Fatal(err)
	}
	err := (&privilege.Owner{UID: uid, GID: gid}).Do(func() error {
		if err := writable(own, ""); err != nil {
			t.Errorf("his own: %v", err)
		}
		return writable(roots, "")
	})
	if !errors.Is(err, fs.ErrPermission) {
		t.Errorf("root's: %v", err)
	}
	if os.Geteuid() != 0 {
		t.Errorf("root is user %d now", os.Geteuid())
	}
}

// TestTrustedProxiesThatAreEverybody: check and serve warn.
func TestTrustedProxiesThatAreEverybody(t *testing.T) {
	s := testSettings(t.TempDir()).with(settings{"http.trusted_proxies": `["128.0.0.0/1", "0.0.0.0/1", "::/0"]`})
	got := keeptrack("config", "check", "--quiet", s.write(t))
	for _, want := range []string{"every public IPv4 address", "every public IPv6 address"} {
		if got.status != statusDone || !strings.Contains(got.stderr, "warning: ") || !strings.Contains(got.stderr, want) {
			t.Errorf("%+v, want %q", got, want)
		}
	}
	d := start(t, s)
	if d.logged("every public IPv4 address") == 0 {
		t.Error("the daemon warns of nothing")
	}
	d.stop()
}

// TestSecretsInFiles: the token is asked for, check and serve warn of a file that
// everybody reads, and backup finds the token there.
func TestSecretsInFiles(t *testing.T) {
	dir := t.TempDir()
	token, secret := filepath.Join(dir, "token"), filepath.Join(dir, "secret")
	for path, text := range map[string]string{token: "open-sesame-16-long\n", secret: strings.Repeat("a1", 32) + "\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(token, 0o644); err != nil {
		t.Fatal(err)
	}
	s := testSettings(dir).with(settings{"admin.token_file": fmt.Sprintf("%q", token), "udp.connection_secret_file": fmt.Sprintf("%q", secret)})
	config := s.write(t)
	const warning = "its mode 0644 lets everybody on this host at the secret"
	got := keeptrack("config", "check", config)
	if got.status != statusDone || strings.Count(got.stderr, "\n") != 1 || !strings.Contains(got.stderr, "admin.token_file: "+token+": "+warning) {
		t.Errorf("check: %+v", got)
	}
	d := start(t, s)
	if d.logged(warning) != 1 {
		t.Error("the daemon does not warn")
	}
	out := filepath.Join(t.TempDir(), "out.db")
	wantFailure(t, runProgram(t, dir, "backup", out, "--admin", "http://"+d.admin), "401")
	if got := runProgram(t, dir, "backup", out, "--admin", "http://"+d.admin, "--config", config); got.status != statusDone {
		t.Errorf("backup: %+v", got)
	}
	for _, text := range []string{"open-sesame", "a1a1"} {
		if d.logged(text) > 0 || strings.Contains(got.stdout, text) {
			t.Errorf("%s is shown", text)
		}
	}
	d.stop()
	if err := os.Remove(token); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"config", "check", config}, {"serve", "--config", config}} {
		if got := runProgram(t, dir, args...); got.status != statusUsage || !strings.Contains(got.stderr, "admin.token_file: ") {
			t.Errorf("%s: %+v", args[0], got)
		}
	}
	// A copy of the file takes no token.
	if got := runProgram(t, dir, "backup", out, "--config", config); got.status != statusDone {
		t.Errorf("backup of the file: %+v", got)
	}
}

// TestConfigThatEverybodyReads: check and serve warn if there is a secret in it.
func TestConfigThatEverybodyReads(t *testing.T) {
	s := testSettings(t.TempDir()).with(settings{"admin.token": `"open-sesame-16-long"`})
	config := s.write(t)
	if err := os.Chmod(config, 0o644); err != nil {
		t.Fatal(err)
	}
	const warning = "admin.token: the mode 0644 of this file lets everybody on this host at the secret"
	if got := keeptrack("config", "check", config); got.status != statusDone || !strings.Contains(got.stderr, warning) || strings.Contains(got.stdout, "sesame") {
		t.Errorf("check: %+v", got)
	}
	d := startIn(t, t.TempDir(), "serve", "--config", config)
	if d.logged(warning) != 1 {
		t.Error("the daemon does not warn")
	}
	d.stop()
}
