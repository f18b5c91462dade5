package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"keeptrack/cmd/internal/privilege"
	"keeptrack/cmd/testenv"
)

// unprivileged is the user that the daemon becomes.
const unprivileged = "nobody"

// needUser needs root, and returns the ids of the user to become.
func needUser(t *testing.T) (uid, gid int) {
	t.Helper()
	testenv.NeedRoot(t)
	u, err := user.Lookup(unprivileged)
	testenv.Need(t, "become "+unprivileged, err)
	uid, err = strconv.Atoi(u.Uid)
	if err != nil {
		t.Fatal(err)
	}
	if gid, err = strconv.Atoi(u.Gid); err != nil {
		t.Fatal(err)
	}
	return uid, gid
}

// openDir returns a new folder that every user can look into, and its owner
// alone can write to.
func openDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// lowPort returns a loopback address with a free port that only root can bind.
func lowPort(t *testing.T) string {
	t.Helper()
	for port := 1023; port > 600; port-- {
		address := fmt.Sprintf("127.0.0.1:%d", port)
		if !taken(address) {
			return address
		}
	}
	testenv.Need(t, "bind a low port", errors.New("none is free"))
	return ""
}

// TestPrivilegesAreDropped starts as root on low ports.
func TestPrivilegesAreDropped(t *testing.T) {
	uid, gid := needUser(t)
	dir := openDir(t)
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	address, socket := lowPort(t), filepath.Join(dir, "admin.sock")
	config := testSettings(dir).with(settings{
		"process.user": fmt.Sprintf("%q", unprivileged),
		"udp.listen":   fmt.Sprintf("[%q]", address),
		"http.listen":  fmt.Sprintf("[%q]", address),
		"admin.listen": fmt.Sprintf("%q", "unix:"+socket),
	}).write(t)
	for _, linkedWithC := range []bool{true, false} {
		t.Run(fmt.Sprint("linked with C: ", linkedWithC), func(t *testing.T) {
			cmd := program(t, dir, "serve", "--config", config)
			if !linkedWithC {
				cmd.Path = pureGo(t)
			}
			d := startCommand(t, cmd, unixClient(socket))
			status := fmt.Sprintf("%d %d %d %d", uid, uid, uid, uid)
			want := map[string]string{"Uid": status, "Gid": strings.ReplaceAll(status, fmt.Sprint(uid), fmt.Sprint(gid)),
				"Groups": fmt.Sprint(gid), "CapInh": none, "CapPrm": none, "CapEff": none, "CapAmb": none}
			if !linkedWithC {
				want["CapBnd"], want["NoNewPrivs"] = none, "1"
			}
			wantThreads(t, d, want)
			if warned := d.logged("CGO_ENABLED=0") > 0; warned != linkedWithC {
				t.Errorf("warned: %v", warned)
			}
			announceTo(t, "udp://"+address, hashOf("low"), 6881, 1, 0)
			announceTo(t, "http://"+address+"/announce", hashOf("low"), 6881, 1, 0)
			d.stop()
			for _, name := range names(t, dir) {
				if file, err := os.Stat(filepath.Join(dir, name)); err != nil || int(file.Sys().(*syscall.Stat_t).Uid) != uid {
					t.Errorf("%s is another's: %v", name, err)
				}
			}
		})
	}
}

// none is the set of no capabilities.
const none = "0000000000000000"

// wantThreads expects lines of the status of each of the daemon's threads.
func wantThreads(t *testing.T, d *instance, want map[string]string) {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", d.Cmd.Process.Pid))
	if err != nil || len(threads) < 2 {
		t.Fatalf("%d threads, %v", len(threads), err)
	}
	for _, thread := range threads {
		wantStatus(t, thread, want)
	}
}

// wantStatus expects lines of a thread's status.
func wantStatus(t *testing.T, path string, want map[string]string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		return // it has ended
	}
	found := 0
	for line := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(line, ":")
		value = strings.Join(strings.Fields(value), " ")
		if w, ok := want[name]; ok {
			if found++; value != w {
				t.Errorf("%s: %s is %s, want %s", path, name, value, w)
			}
		}
	}
	if found != len(want) {
		t.Errorf("%d lines found of %v", found, want)
	}
}

// pureGo builds the program without C and returns its path.
func pureGo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(scratch, "keeptrack-pure")
	cmd := exec.Command("go", "build", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// confinement returns the options of setpriv, unless it cannot do that here: the
// test's root may be in a container itself, without CAP_SETPCAP.
func confinement(t *testing.T, options ...string) []string {
	t.Helper()
	out, err := exec.Command("setpriv", append(options, "true")...).CombinedOutput()
	if err != nil {
		testenv.Need(t, "run setpriv", fmt.Errorf("%w: %s", err, out))
	}
	return options
}

// TestPrivilegesInAContainer starts as root with few capabilities, some of them
// inheritable.
func TestPrivilegesInAContainer(t *testing.T) {
	uid, gid := needUser(t)
	for _, c := range []struct{ name, capabilities, bits, fails string }{
		{"those it needs", "+setuid,+setgid", "-no_setuid_fixup", ""},
		{"those it needs, which stay with who is not root", "+setuid,+setgid", "+no_setuid_fixup", ""},
		{"no CAP_SETUID", "+setgid", "-no_setuid_fixup", "setuid: operation not permitted: root lacks CAP_SETUID here"},
		{"no CAP_SETGID", "+setuid", "-no_setuid_fixup", "setgroups: operation not permitted: root lacks CAP_SETGID here"},
	} {
		t.Run(c.name, func(t *testing.T) {
			confined := confinement(t, "--bounding-set=-all,"+c.capabilities, "--inh-caps=-all,"+c.capabilities, "--securebits="+c.bits)
			dir := openDir(t)
			if err := os.Chown(dir, uid, gid); err != nil {
				t.Fatal(err)
			}
			config := testSettings(dir).with(settings{"process.user": fmt.Sprintf("%q", unprivileged)}).write(t)
			cmd := exec.Command("setpriv", append(confined, pureGo(t), "serve", "--config", config)...)
			cmd.Dir = dir
			if c.fails != "" {
				if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != statusFailed || !strings.Contains(string(out), c.fails) {
					t.Errorf("%v: %s", cmd.ProcessState, out)
				}
				return
			}
			d := startCommand(t, cmd, nil)
			wantThreads(t, d, map[string]string{"NoNewPrivs": "1", "CapInh": none, "CapPrm": none, "CapEff": none, "CapAmb": none})
			d.stop()
		})
	}
}

// TestUserWhoCannotServe: the error says who could not what.
func TestUserWhoCannotServe(t *testing.T) {
	uid, _ := needUser(t)
	for _, c := range []struct {
		name, user string
		prepare    func(dir string) error
		want       string
	}{
		{"another's folder", unprivileged, nil, `as process.user "nobody"`},
		{"another's database", unprivileged, func(dir string) error {
			start(t, testSettings(dir)).stop() // as root
			return os.Chown(dir, uid, -1)
		}, `as process.user "nobody"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := openDir(t)
			if c.prepare != nil {
				if err := c.prepare(dir); err != nil {
					t.Fatal(err)
				}
			}
			config := testSettings(dir).with(settings{"process.user": fmt.Sprintf("%q", c.user)}).write(t)
			got := runProgram(t, dir, "serve", "--config", config)
			wantFailure(t, got, c.want)
			if n := strings.Count(got.stderr, "keeptrack: "); n != 1 {
				t.Errorf("%d lines for one error:\n%s", n, got.stderr)
			}
		})
	}
}

// TestOnlyRootBecomesAnother runs the daemon as one user to become another.
func TestOnlyRootBecomesAnother(t *testing.T) {
	uid, gid := needUser(t)
	dir := openDir(t)
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "keeptrack.toml")
	if err := os.WriteFile(config, []byte("[process]\nuser = \"daemon\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "keeptrack")
	if err := os.Link(pureGo(t), binary); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "serve", "--config", config)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	out, _ := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != statusFailed || !strings.Contains(string(out), `"daemon": only root can become another user`) {
		t.Errorf("%v: %s", cmd.ProcessState, out)
	}
}

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
		{"a folder for the database", settings{"store.path": fmt.Sprintf("%q", top)}, "store.path: " + top + " is not a regular file"},
		{"no folder for a socket", settings{"http.listen": fmt.Sprintf("[%q]", "unix:"+missing+"/s")}, "http.listen: the folder " + missing + " is missing"},
		{"no folder for the admin socket", settings{"admin.listen": fmt.Sprintf("%q", "unix:"+missing+"/s")}, "admin.listen: the folder " + missing + " is missing"},
		{"root's folder, and another user", settings{"process.user": fmt.Sprintf("%q", unprivileged)}, `store.path: the folder ` + top + ` cannot be written to by process.user "nobody": its permissions forbid it`},
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
	const warning = "its mode 0644 gives everybody on this host access to the secret"
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
	const warning = "admin.token: the mode 0644 of this file gives everybody on this host access to the secret"
	if got := keeptrack("config", "check", config); got.status != statusDone || !strings.Contains(got.stderr, warning) || strings.Contains(got.stdout, "sesame") {
		t.Errorf("check: %+v", got)
	}
	d := startIn(t, t.TempDir(), "serve", "--config", config)
	if d.logged(warning) != 1 {
		t.Error("the daemon does not warn")
	}
	d.stop()
}

// TestBackupOfAnUnreadableFile: whoever may not read the database is given the copy by the
// daemon of the config, if he has the token.
func TestBackupOfAnUnreadableFile(t *testing.T) {
	uid, gid := needUser(t)
	dir, home := t.TempDir(), openDir(t)
	if err := os.Chown(home, uid, gid); err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	s := testSettings(dir).with(settings{"admin.token": `"sesame"`, "admin.listen": fmt.Sprintf(`"127.0.0.1:%d"`, port)})
	d := start(t, s)
	config, out := filepath.Join(home, "keeptrack.toml"), filepath.Join(home, "copy.db")
	text, err := os.ReadFile(s.write(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte(strings.ReplaceAll(string(text), "sesame", "")), 0o644); err != nil { // one for everybody, without the token
		t.Fatal(err)
	}
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(home, "keeptrack")
	if got, err := exec.Command("cp", path, binary).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, got)
	}
	backup := func(token string) (string, error) {
		cmd := exec.Command(binary, "backup", "--config", config, "--token", token, out)
		cmd.Dir = home
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		text, err := cmd.CombinedOutput()
		return string(text), err
	}
	if text, err := backup("sesame"); err != nil || !strings.HasPrefix(text, out+": copy of the database of the daemon at http://127.0.0.1:") {
		t.Errorf("%v: %s", err, text)
	}
	if text, err := backup("wrong"); err == nil || !strings.Contains(text, "keeptrack.db cannot be read (permission denied), and the daemon at") || !strings.Contains(text, "401") {
		t.Errorf("with a wrong token: %v: %s", err, text)
	}
	d.stop()
}
