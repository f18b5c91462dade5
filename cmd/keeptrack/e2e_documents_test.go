package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"keeptrack/cmd/testenv"
)

// TestTheKeyReachesAllHosts runs the commands of docs/cluster.md that make a key and copy it,
// with a folder for each host.
func TestTheKeyReachesAllHosts(t *testing.T) {
	testenv.NeedProgram(t, "openssl")
	commands := regexp.MustCompile(`(?m)^ +\(umask 077; openssl .*\n(?: +\S.*\n)+`)
	recipes := commands.FindAllString(readText(t, filepath.Join(root, "docs", "cluster.md")), -1)
	if len(recipes) != 2 {
		t.Fatalf("docs/cluster.md makes a key in %d recipes", len(recipes))
	}
	for i, hosts := range [][]string{{"192.0.2.12"}, {"b.example.org", "c.example.org"}} {
		dir := t.TempDir()
		for name, text := range map[string]string{
			"chown": "true",
			"ssh":   `cd "` + dir + `/${1#root@}" && shift && exec sh -c "$*"`,
		} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		for _, host := range append(hosts, "here") {
			if err := os.Mkdir(filepath.Join(dir, host), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command("sh", "-ec", strings.ReplaceAll(recipes[i], "/etc/keeptrack/", "./"))
		cmd.Dir, cmd.Env = filepath.Join(dir, "here"), append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v %s", recipes[i], err, out)
		}
		want := readText(t, filepath.Join(dir, "here", "group.key"))
		for _, host := range hosts {
			path := filepath.Join(dir, host, "group.key")
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if got := readText(t, path); got != want || len(got) != 65 || info.Mode() != 0o600 {
				t.Errorf("%s has the key %q, mode %s, want %q", host, got, info.Mode(), want)
			}
		}
		// Some sshd give commands a socket, which cannot be opened by that name.
		if strings.Contains(recipes[i], "/dev/stdin") {
			t.Errorf("%s opens /dev/stdin", recipes[i])
		}
	}
}
