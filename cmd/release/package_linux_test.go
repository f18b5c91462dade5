package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"keeptrack/cmd/testenv"
)

// units returns those of the packages.
func units(t *testing.T) (names []string) {
	t.Helper()
	for _, kind := range []string{"*.service", "*.socket"} {
		found, err := filepath.Glob(filepath.Join(root, "packaging", "systemd", kind))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %q, %v", kind, found, err)
		}
		for _, path := range found {
			names = append(names, filepath.Base(path))
		}
	}
	return names
}

// debian is a bare Debian with systemd, in a folder.
type debian struct {
	t      *testing.T
	root   string
	cmd    *exec.Cmd
	log    bytes.Buffer
	leader string // the process id of its init
}

// newDebian unpacks a bare system from Debian's mirrors.
func newDebian(t *testing.T) *debian {
	t.Helper()
	testenv.NeedRoot(t)
	for _, program := range []string{"mmdebstrap", "systemd-nspawn", "nsenter"} {
		testenv.NeedProgram(t, program)
	}
	d := &debian{t: t, root: filepath.Join(t.TempDir(), "debian")}
	_, err := output(exec.Command("mmdebstrap", "--quiet", "--variant=apt", "--include="+strings.Join(toolsOfDocuments, ","),
		"--dpkgopt=force-unsafe-io", `--aptopt=Acquire::Languages "none"`, "bookworm", d.root))
	testenv.Need(t, "get a bare Debian", err)
	return d
}

// boot starts the system in a container with a network of its own, and waits until it
// is up.
func (d *debian) boot() {
	d.t.Helper()
	d.cmd = exec.Command("systemd-nspawn", "--quiet", "--boot", "--directory="+d.root, fmt.Sprintf("--machine=keeptrack-test-%d", os.Getpid()), "--register=no", "--keep-unit",
		"--private-network", "--console=pipe", "--bind-ro="+goEnv(d.t, "GOROOT")+":/usr/local/go", "--bind-ro="+goEnv(d.t, "GOMODCACHE")+":/root/gomodcache",
		"--bind="+goEnv(d.t, "GOCACHE")+":/root/gocache")
	d.cmd.Stdout, d.cmd.Stderr = &d.log, &d.log
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := d.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	var ended atomic.Bool
	end := make(chan struct{})
	go func() {
		d.cmd.Wait()
		ended.Store(true)
		close(end)
	}()
	d.t.Cleanup(func() {
		if d.leader != "" {
			exec.Command("kill", "-KILL", d.leader).Run()
		}
		d.cmd.Process.Kill()
		<-end
		if d.t.Failed() {
			d.t.Logf("the container's log:\n%s", &d.log)
		}
	})
	pid := d.cmd.Process.Pid
	waitFor(d.t, "Debian to boot", func() bool {
		if ended.Load() {
			d.t.Fatal("the container ended")
		}
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
		d.leader = strings.TrimSpace(string(children))
		if err != nil || d.leader == "" {
			return false
		}
		state, _ := d.try("systemctl", "is-system-running")
		return state == "running" || state == "degraded"
	})
}

// goEnv returns a setting of Go.
func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := output(exec.Command("go", "env", name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// enter returns the command that runs a program in the system.
func (d *debian) enter(args ...string) *exec.Cmd {
	cmd := exec.Command("nsenter", append([]string{"--target", d.leader, "--mount", "--uts", "--ipc", "--net", "--pid", "--"}, args...)...)
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/local/go/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive"}
	return cmd
}

// try runs a command in the system and returns what it prints.
func (d *debian) try(args ...string) (string, error) {
	out, err := output(d.enter(args...))
	return strings.TrimSpace(string(out)), err
}

// run is try for what has to succeed.
func (d *debian) run(args ...string) string {
	d.t.Helper()
	out, err := d.try(args...)
	if err != nil {
		d.t.Fatal(err)
	}
	return out
}

// copy copies a file into the system's root and returns its path there.
func (d *debian) copy(path string) string {
	d.t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		d.t.Fatal(err)
	}
	name := "/" + filepath.Base(path)
	if err := os.WriteFile(filepath.Join(d.root, name), data, 0o600); err != nil {
		d.t.Fatal(err)
	}
	return name
}

// extend appends to a file of the system.
func (d *debian) extend(path, text string) {
	d.t.Helper()
	f, err := os.OpenFile(filepath.Join(d.root, path), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		d.t.Fatal(err)
	}
}

// nextDeb makes the .deb that could come after the release: of a higher version, with a
// changed default config.
func nextDeb(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "deb")
	if _, err := output(exec.Command("dpkg-deb", "--raw-extract", oneFile(t, "*_"+runtime.GOARCH+".deb"), dir)); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]*strings.Replacer{
		"DEBIAN/control":               strings.NewReplacer("\nVersion: ", "\nVersion: 1"),
		"etc/keeptrack/keeptrack.toml": strings.NewReplacer("[access]", "# A new default.\n[access]"),
	} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), []byte(change.Replace(string(text))), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "next.deb")
	if _, err := output(exec.Command("dpkg-deb", "-Znone", "--build", dir, path)); err != nil {
		t.Fatal(err)
	}
	return path
}

// wantStates expects states of all units, such as "disabled" for is-enabled.
func (d *debian) wantStates(question, want string) {
	d.t.Helper()
	for _, unit := range units(d.t) {
		if got, _ := d.try("systemctl", question, unit); got != want {
			d.t.Errorf("%s is %q, want %q", unit, got, want)
		}
	}
}

// left returns the files of the system that are called after keeptrack, without those
// that the tests put there.
func (d *debian) left() (paths []string) {
	d.t.Helper()
	for _, top := range []string{"etc", "usr", "var/lib", "run"} {
		err := filepath.WalkDir(filepath.Join(d.root, top), func(path string, _ fs.DirEntry, err error) error {
			if strings.Contains(filepath.Base(path), "keeptrack") {
				paths = append(paths, strings.TrimPrefix(path, d.root))
			}
			return err
		})
		if err != nil {
			d.t.Fatal(err)
		}
	}
	return paths
}

// TestPackages lives an operator's life on a bare Debian with the packages of a release:
// install, start, upgrade, remove, purge.
func TestPackages(t *testing.T) {
	d := newDebian(t)
	d.boot()
	t.Run("deb", d.testDeb)
	t.Run("rpm", d.testRPM)
	t.Run("documents", d.testDocuments)
}

func (d *debian) testDeb(t *testing.T) {
	d.t = t
	first, next := d.copy(oneFile(t, "*_"+runtime.GOARCH+".deb")), d.copy(nextDeb(t))
	if out := d.run("dpkg", "--install", first); !strings.Contains(out, "systemctl enable --now keeptrack") {
		t.Errorf("dpkg says nothing about how to start it:\n%s", out)
	}
	d.wantStates("is-enabled", "disabled")
	d.wantStates("is-active", "inactive")
	for _, unit := range units(t) {
		d.run("systemd-analyze", "verify", "--man=no", unit)
	}
	for _, file := range []string{"/etc/keeptrack/keeptrack.toml", "/etc/keeptrack/refused"} {
		if got := d.run("stat", "--format=%U:%G %a", file); got != "root:keeptrack 640" {
			t.Errorf("%s is %s", file, got)
		}
	}
	if out := d.run("keeptrack", "config", "check", "--quiet", "/etc/keeptrack/keeptrack.toml"); out != "" {
		t.Errorf("the config as packaged: %s", out)
	}

	const refused = "5024e27a65da1e1ea6dc6a51168cb2d710cfc5e7"
	d.extend("/etc/keeptrack/keeptrack.toml", "[tracker]\nallow_private_addresses = true\n")
	d.extend("/etc/keeptrack/refused", refused+"\n")
	d.run("systemctl", "enable", "--now", "keeptrack")
	d.run("systemctl", "reload", "keeptrack")
	const udp, http = "udp://127.0.0.1:6969/announce", "http://127.0.0.1:6969/announce"
	announce := func(url string, args ...string) string {
		t.Helper()
		return d.run(slices.Concat([]string{"keeptrack", "announce"}, args, []string{url, infoHash})...)
	}
	announce(udp, "--port", "6881", "--left", "1")
	announce(udp, "--port", "6881", "--left", "0", "--event", "completed")
	waitFor(t, "a reload to refuse a torrent", func() bool {
		_, err := d.try("keeptrack", "announce", udp, refused)
		return err != nil
	})

	old := d.run("systemctl", "show", "--property=MainPID", "keeptrack")
	d.run("dpkg", "--force-confold", "--install", next)
	if now := d.run("systemctl", "show", "--property=MainPID", "keeptrack"); now == old {
		t.Errorf("after the upgrade the old daemon runs: %s", now)
	}
	d.run("keeptrack", "health", "--ready")
	got := announce(http, "--port", "6882", "--left", "1")
	if !strings.Contains(got, "\ndownloaded 1\n") || !strings.Contains(got, "\npeer 127.0.0.1:6881") {
		t.Errorf("after the upgrade an announce prints\n%s", got)
	}
	if got := d.run("stat", "--format=%U:%G %a", "/etc/keeptrack/keeptrack.toml"); got != "root:keeptrack 640" {
		t.Errorf("after the upgrade the config is %s", got)
	}
	if text := d.run("cat", "/etc/keeptrack/keeptrack.toml"); !strings.Contains(text, "allow_private_addresses") || strings.Contains(text, "A new default") {
		t.Errorf("after the upgrade the config is\n%s", text)
	}
	if got := d.run("systemctl", "is-enabled", "keeptrack"); got != "enabled" {
		t.Errorf("after the upgrade the service is %s", got)
	}

	d.run("dpkg", "--remove", "keeptrack")
	want := []string{"/etc/keeptrack", "/etc/keeptrack/keeptrack.toml", "/etc/keeptrack/keeptrack.toml.dpkg-dist",
		"/var/lib/dpkg/info/keeptrack.list", "/var/lib/dpkg/info/keeptrack.postrm",
		"/var/lib/keeptrack", "/var/lib/keeptrack/keeptrack.db", "/var/lib/keeptrack/keeptrack.db.peers"}
	if left := d.left(); !slices.Equal(left, want) {
		t.Errorf("removed, it leaves %q\nwant %q", left, want)
	}
	d.run("dpkg", "--purge", "keeptrack")
	if left := d.left(); len(left) > 0 {
		t.Errorf("purged, it leaves %q", left)
	}
	if failed := d.run("systemctl", "list-units", "--failed", "--no-legend"); failed != "" {
		t.Errorf("failed: %s", failed)
	}
}

// testRPM installs the .rpm into the same system, from outside as installers do.
func (d *debian) testRPM(t *testing.T) {
	d.t = t
	testenv.NeedProgram(t, "rpm")
	file := oneFile(t, "*."+map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]+".rpm")
	rpm := func(args ...string) {
		t.Helper()
		// The system's packages are Debian's: rpm does not know that it has systemd.
		if _, err := output(exec.Command("rpm", append([]string{"--root", d.root, "--nodeps"}, args...)...)); err != nil {
			t.Fatal(err)
		}
	}
	inRoot := func(args ...string) string {
		t.Helper()
		out, err := output(exec.Command("chroot", append([]string{d.root}, args...)...))
		if err != nil {
			t.Error(err)
		}
		return strings.TrimSpace(string(out))
	}
	rpm("--install", file)
	if got := inRoot("stat", "--format=%U:%G %a", "/etc/keeptrack/keeptrack.toml"); got != "root:keeptrack 640" {
		t.Errorf("the config is %s", got)
	}
	inRoot("systemctl", "--quiet", "enable", "keeptrack")
	d.extend("/etc/keeptrack/keeptrack.toml", "# mine\n")
	rpm("--upgrade", "--replacepkgs", file)
	if got := inRoot("systemctl", "is-enabled", "keeptrack"); got != "enabled" {
		t.Errorf("after an upgrade the service is %s", got)
	}
	if text := inRoot("cat", "/etc/keeptrack/keeptrack.toml"); !strings.HasSuffix(text, "# mine") {
		t.Errorf("after an upgrade the config is\n%s", text)
	}
	if out := inRoot("keeptrack", "config", "check", "--quiet", "/etc/keeptrack/keeptrack.toml"); out != "" {
		t.Errorf("the config: %s", out)
	}
	rpm("--erase", "keeptrack")
	if left, want := d.left(), []string{"/etc/keeptrack", "/etc/keeptrack/keeptrack.toml.rpmsave"}; !slices.Equal(left, want) {
		t.Errorf("erased, it leaves %q, want %q", left, want)
	}
}
