package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keeptrack/cmd/testenv"
	"keeptrack/livesync/transport/nats/natstest"
)

// natsRecipe is what docs/cluster.md says of three sites with a NATS server each: what
// makes the certificates and secrets, and the configs of site a.
func natsRecipe(t *testing.T) (script, server, instance string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/cluster.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "### Three sites with a NATS server each\n")
	for _, block := range []struct {
		begin string
		text  *string
	}{{"```sh\n", &script}, {"```\n", &server}, {"```toml\n", &instance}} {
		_, after, _ = strings.Cut(after, block.begin)
		*block.text, after, _ = strings.Cut(after, "```\n")
	}
	return script, server, instance
}

// nameHosts gives the hosts of a network names, which each of them looks up in a file of
// its own.
func (l *lan) nameHosts(name func(i int) string) {
	l.t.Helper()
	text := "127.0.0.1 localhost\n"
	for i := range l.hosts {
		text += address(i) + " " + name(i) + "\n"
	}
	for _, host := range l.hosts {
		dir := filepath.Join("/etc/netns", host) // of which ip(8) takes the files
		if err := os.MkdirAll(dir, 0o755); err != nil {
			l.t.Fatal(err)
		}
		l.t.Cleanup(func() {
			if err := os.RemoveAll(dir); err != nil {
				l.t.Error(err)
			}
		})
		if err := os.WriteFile(filepath.Join(dir, "hosts"), []byte(text), 0o644); err != nil {
			l.t.Fatal(err)
		}
	}
}

// natsSites starts a NATS server on each host, and has the instance there use it, all as
// docs/cluster.md says.
func (c *cluster) natsSites() {
	c.t.Helper()
	testenv.NeedProgram(c.t, "openssl")
	script, server, instance := natsRecipe(c.t)
	site := func(i int) string { return string(rune('a' + i)) }
	c.nameHosts(func(i int) string { return site(i) + ".example.org" })
	dir := c.t.TempDir()
	cmd := exec.Command("sh", "-e", "-c", script)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		c.t.Fatalf("%v: %s", err, out)
	}
	password, err := os.ReadFile(filepath.Join(dir, "password.conf"))
	if err != nil {
		c.t.Fatal(err)
	}
	for i, host := range c.hosts {
		files := strings.NewReplacer("/etc/nats/site.", filepath.Join(dir, site(i)+"."), "/etc/nats/", dir+"/", "include password.conf", string(password),
			"name: \"a\"\n", fmt.Sprintf("name: %q\n", site(i)), "/etc/keeptrack/nats-ca.pem", dir+"/ca.pem", "/etc/keeptrack/", dir+"/",
			"//a.example.org", "//"+site(i)+".example.org")
		gateways := strings.Index(server, "gateways:")
		natstest.Start(c.t, files.Replace(server[:gateways])+server[gateways:], "ip", "netns", "exec", host, natsServer(c.t))
		c.own[i] = settings{}
		for line := range strings.Lines(instance) {
			if key, value, ok := strings.Cut(line, "="); ok {
				c.own[i]["livesync."+strings.TrimSpace(key)] = strings.TrimSpace(files.Replace(value))
			}
		}
	}
}

// TestExactOverNATSSites: three sites have a NATS server each, and one of them is cut off
// for a while, with clients at all.
func TestExactOverNATSSites(t *testing.T) {
	torrents, rate, stretch := exactLoad()
	g := newEmptyCluster(t, 3, torrents, nil)
	g.natsSites()
	for i := range g.hosts {
		g.start(i)
	}
	g.watch()
	g.during(rate, func() {
		g.accept(stretch / 3)
		g.detach(2)
		for began := time.Now(); time.Since(began) < testenv.Pick(5*time.Second, time.Minute); {
			g.accept(rate)
		}
		if _, exact := g.compare([]int{0, 2}); exact {
			t.Error("the site was not cut off")
		}
		g.attach(2)
		g.accept(stretch / 3)
	})
	g.waitExact("the load has ended")
	g.end()
}
