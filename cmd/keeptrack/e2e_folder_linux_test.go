package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"keeptrack/cmd/testenv"
)

// estate is a user's folder with a database, and a folder of root's that the user
// has no way into.
type estate struct {
	uid, gid     int
	home, folder string // the user's, one in the other
	database     string
	vault        string // root's
	config       string
}

// newEstate makes both folders. The database and a copy of it in the vault have
// one torrent.
func newEstate(t *testing.T) *estate {
	t.Helper()
	uid, gid := needUser(t)
	top := openDir(t)
	e := &estate{uid: uid, gid: gid, home: filepath.Join(top, "home"), vault: filepath.Join(top, "vault")}
	e.folder = filepath.Join(e.home, "folder")
	e.database = filepath.Join(e.folder, "keeptrack.db")
	for _, err := range []error{
		os.Mkdir(e.home, 0o755), os.Mkdir(e.folder, 0o755), os.Mkdir(e.vault, 0o700),
		os.Chown(e.home, uid, gid), os.Chown(e.folder, uid, gid),
		os.WriteFile(filepath.Join(e.vault, "text"), fmt.Appendf(nil, "%s\t7\t29000000\n", hashOf("root's")), 0o600),
		os.WriteFile(filepath.Join(e.vault, "secret"), []byte("precious"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	e.config = testSettings(e.folder).write(t)
	e.run(t, "db", "import", e.database, filepath.Join(e.vault, "text"))
	e.run(t, "backup", filepath.Join(e.vault, "keeptrack.db"), "--config", e.config)
	return e
}

// run runs a command as root that is to succeed.
func (e *estate) run(t *testing.T, args ...string) outcome {
	t.Helper()
	got := runProgram(t, e.vault, args...)
	if got.status != statusDone {
		t.Fatalf("keeptrack %s: status %d: %s", strings.Join(args, " "), got.status, got.stderr)
	}
	return got
}

// wantOwned expects all that is in the folder to be the user's.
func (e *estate) wantOwned(t *testing.T) {
	t.Helper()
	for _, name := range names(t, e.folder) {
		info, err := os.Lstat(filepath.Join(e.folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if st := info.Sys().(*syscall.Stat_t); int(st.Uid) != e.uid || int(st.Gid) != e.gid || info.Mode() != 0o600 {
			t.Errorf("%s: user %d, group %d, mode %v", name, st.Uid, st.Gid, info.Mode())
		}
	}
}

// TestRootWorksAsTheFoldersOwner: what root named is opened as root, and all in
// the folder made by its owner.
func TestRootWorksAsTheFoldersOwner(t *testing.T) {
	e := newEstate(t)
	e.wantOwned(t)
	copied := filepath.Join(e.vault, "copy.db")
	text := e.run(t, "db", "export", e.database).stdout
	for _, args := range [][]string{
		{"db", "verify", e.database},
		{"db", "inspect", e.database},
		{"db", "compact", e.database},
		{"db", "migrate", e.database},
		{"db", "compact", "../home/folder/keeptrack.db"}, // from a folder that the owner is not let into
		{"backup", copied, "--config", e.config},
		{"backup", copied, "--config", e.config}, // in place of the first
		{"backup", filepath.Join(e.folder, "own.db"), "--config", e.config},
		{"restore", copied, "--config", e.config},
		{"restore", "copy.db", "--config", e.config},
		{"restore", filepath.Join(e.folder, "own.db"), "--config", e.config},
	} {
		e.run(t, args...)
		e.wantOwned(t)
	}
	if info, err := os.Stat(copied); err != nil || info.Sys().(*syscall.Stat_t).Uid != 0 || info.Mode() != 0o600 {
		t.Errorf("the copy is %v, %v", info, err)
	}
	if got := e.run(t, "db", "export", e.database).stdout; got != text {
		t.Errorf("the database holds\n%s, before it was\n%s", got, text)
	}
}

// TestDaemonWorksAsTheFoldersOwner: sockets are bound by root, here one in the
// vault and one beside the database; a reload will not read what is root's.
func TestDaemonWorksAsTheFoldersOwner(t *testing.T) {
	e := newEstate(t)
	address, own, roots := lowPort(t), filepath.Join(e.folder, "http.sock"), filepath.Join(e.vault, "admin.sock")
	list := filepath.Join(e.vault, "list")
	if err := os.WriteFile(list, []byte(hashOf("root's").String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := testSettings(e.folder).with(settings{
		"udp.listen":   fmt.Sprintf("[%q]", address),
		"http.listen":  fmt.Sprintf("[%q]", "unix:"+own),
		"admin.listen": fmt.Sprintf("%q", "unix:"+roots),
		"access.mode":  `"allow"`,
		"access.file":  fmt.Sprintf("%q", list),
	})
	for range 2 { // the second start finds the socket of the first in the vault
		d := startCommand(t, program(t, e.vault, "serve", "--config", s.write(t)), unixClient(roots))
		status := fmt.Sprintf("%d %d %d %d", e.uid, e.uid, e.uid, e.uid)
		wantThreads(t, d, map[string]string{"Uid": status, "CapPrm": none, "CapEff": none, "Groups": fmt.Sprint(e.gid)})
		announceTo(t, "udp://"+address, hashOf("root's"), 6881, 1, 0)
		if n := d.logged("a reload will be refused"); n == 0 {
			t.Error("no warning of what a reload cannot read")
		}
		if info, err := os.Lstat(own); err != nil || int(info.Sys().(*syscall.Stat_t).Uid) != e.uid {
			t.Errorf("the socket beside the database is %v, %v", info, err)
		}
		d.stop()
		e.wantOwned(t)
	}
}

// TestRootsFolder: where all is root's, as in a container, root goes on as root.
func TestRootsFolder(t *testing.T) {
	testenv.NeedRoot(t)
	d := start(t, testSettings(openDir(t)))
	wantThreads(t, d, map[string]string{"Uid": "0 0 0 0"})
	d.stop()
}

// TestPlantedFiles: whatever the user puts into his folder, root changes nothing
// outside of it.
func TestPlantedFiles(t *testing.T) {
	for _, c := range []struct {
		name  string
		plant func(e *estate) error
		fails string // what all commands but compact with a temporary file say
	}{
		{"link to root's file as the database", func(e *estate) error {
			return errors.Join(os.Remove(e.database), e.link("secret", e.database))
		}, "decides where this symbolic link leads"},
		{"link to root's database as the database", func(e *estate) error {
			return errors.Join(os.Remove(e.database), e.link("keeptrack.db", e.database))
		}, "decides where this symbolic link leads"},
		{"link to no file as the database", func(e *estate) error {
			return errors.Join(os.Remove(e.database), e.link("new", e.database))
		}, "symbolic link to a file that does not exist"},
		{"link to root's folder as the folder", func(e *estate) error {
			return errors.Join(os.Rename(e.folder, e.folder+".old"), e.link("", e.folder))
		}, "decides where this symbolic link leads"},
		{"links as temporary files", func(e *estate) error {
			return errors.Join(e.link("secret", e.database+".compact"), e.link("new", e.database+".restore"))
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newEstate(t)
			if err := c.plant(e); err != nil {
				t.Fatal(err)
			}
			unchanged := e.guard(t)
			for _, args := range e.commands() {
				got := runProgram(t, e.vault, args...)
				if c.fails == "" && got.status != statusDone || c.fails != "" && !strings.Contains(got.stderr, c.fails) {
					t.Errorf("keeptrack %s: status %d: %s", strings.Join(args, " "), got.status, got.stderr)
				}
			}
			if c.fails != "" {
				wantFailure(t, runProgram(t, e.vault, "serve", "--config", e.config), c.fails)
			}
			unchanged()
		})
	}
}

// commands are those that write to the user's folder.
func (e *estate) commands() [][]string {
	return [][]string{
		{"db", "compact", e.database},
		{"db", "import", e.database, filepath.Join(e.vault, "text")},
		{"restore", filepath.Join(e.vault, "keeptrack.db"), "--config", e.config},
		{"db", "migrate", e.database},
	}
}

// link makes a link of the user's to a name in the vault.
func (e *estate) link(name, link string) error {
	return errors.Join(os.Symlink(filepath.Join(e.vault, name), link), os.Lchown(link, e.uid, e.gid))
}

// guard notes what is in the vault, and returns what fails the test if anything
// there has changed.
func (e *estate) guard(t *testing.T) (unchanged func()) {
	t.Helper()
	look := func() string {
		var b strings.Builder
		for _, name := range names(t, e.vault) {
			info, err := os.Lstat(filepath.Join(e.vault, name))
			if err != nil {
				t.Fatal(err)
			}
			content, err := os.ReadFile(filepath.Join(e.vault, name))
			if err != nil {
				t.Fatal(err)
			}
			st := info.Sys().(*syscall.Stat_t)
			fmt.Fprintf(&b, "%s %v user %d, group %d, file %d, %s\n", name, info.Mode(), st.Uid, st.Gid, st.Ino, hashOf(string(content)))
		}
		return b.String()
	}
	before := look()
	return func() {
		t.Helper()
		if after := look(); after != before {
			t.Errorf("root's folder was\n%s, now it is\n%s", before, after)
		}
	}
}

// TestRacingRoot has the user put links in the place of files and folders, as
// fast as he can, while root works on his database.
func TestRacingRoot(t *testing.T) {
	rounds := testenv.Pick(4, 250)
	e := newEstate(t)
	unchanged := e.guard(t)
	stop, raced := make(chan struct{}), make(chan int)
	go func() { raced <- e.race(stop) }()
	done := 0
	for range rounds {
		for _, args := range e.commands() {
			if runProgram(t, e.vault, args...).status == statusDone {
				done++
			}
		}
		e.serveOnce(t)
	}
	close(stop)
	swaps := <-raced
	unchanged()
	if swaps < rounds {
		t.Errorf("the user came to %d swaps", swaps)
	}
	t.Logf("%d commands of %d done, %d swaps", done, rounds*len(e.commands()), swaps)
}

// serveOnce starts a daemon, which may fail, and stops it once it serves.
func (e *estate) serveOnce(t *testing.T) {
	t.Helper()
	cmd := program(t, e.vault, "serve", "--config", e.config)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		if strings.Contains(lines.Text(), `"message":"serving"`) {
			_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
		}
	}
	_ = cmd.Wait() // it may have failed
}

// race swaps files and folders as the user until it is told to stop, and returns
// how often. Its thread is the user's alone, and ends with it.
func (e *estate) race(stop <-chan struct{}) (swaps int) {
	database, err := os.ReadFile(e.database)
	if err != nil {
		panic(err)
	}
	runtime.LockOSThread()
	for _, call := range []struct{ trap, id uintptr }{{unix.SYS_SETRESGID, uintptr(e.gid)}, {unix.SYS_SETRESUID, uintptr(e.uid)}} {
		if _, _, errno := unix.RawSyscall(call.trap, call.id, call.id, call.id); errno != 0 {
			panic(errno)
		}
	}
	secret, fresh := filepath.Join(e.vault, "secret"), filepath.Join(e.vault, "new")
	for ; ; swaps++ {
		select {
		case <-stop:
			return swaps
		default:
		}
		target := secret
		if swaps%2 == 0 {
			target = fresh
		}
		switch swaps % 64 { // seldom: a command has to get far for what it does at its end
		case 0:
			swap(e.database, target)
		case 10:
			swap(e.database, filepath.Join(e.vault, "keeptrack.db"))
		case 20:
			swap(e.folder, e.vault)
		case 30, 31:
			_ = os.Remove(e.database + ".compact") // whatever is there
			_ = os.Symlink(target, e.database+".compact")
		case 40, 41:
			_ = os.Remove(e.database + ".restore") // whatever is there
			_ = os.Symlink(target, e.database+".restore")
		default:
			if at, err := os.Lstat(e.database); err != nil || !at.Mode().IsRegular() { // root has put a link in place
				_ = os.Remove(e.database)
				_ = os.WriteFile(e.database, database, 0o600)
			}
		}
	}
}

// swap puts a link in the place of a file or folder for a moment. A step that
// fails is root's gain.
func swap(path, target string) {
	aside := path + ".aside"
	if os.Rename(path, aside) == nil {
		_ = os.Symlink(target, path)
		_ = os.Remove(path)
		_ = os.Rename(aside, path)
	}
}
