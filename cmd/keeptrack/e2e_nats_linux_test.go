package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"keeptrack/cmd/testenv"
	"keeptrack/livesync/transport/nats/natstest"
)

// natsSites starts a NATS server on each host, and has the instance there use it, all as
// docs/cluster.md says. It returns the servers.
func (c *cluster) natsSites() (servers []*natstest.Server) {
	c.t.Helper()
	testenv.NeedProgram(c.t, "openssl")
	blocks := recipe(c.t, "Three sites with a NATS server each", "sh", "", "toml")
	script, server, instance := blocks[0], blocks[1], blocks[2]
	site := func(i int) string { return string(rune('a' + i)) }
	c.nameSites()
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
		servers = append(servers, natstest.Start(c.t, files.Replace(server[:gateways])+server[gateways:], "ip", "netns", "exec", host, natsServer(c.t)))
		c.own[i] = liveSyncOf(files.Replace(instance))
	}
	return servers
}
