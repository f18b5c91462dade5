package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

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

// natsSites starts a NATS server on each host, and has the instance there use it, all as
// docs/cluster.md says. It returns the servers.
func (c *cluster) natsSites() (servers []*natstest.Server) {
	c.t.Helper()
	testenv.NeedProgram(c.t, "openssl")
	script, server, instance := natsRecipe(c.t)
	site := func(i int) string { return string(rune('a' + i)) }
	var names []string
	for i := range c.hosts {
		names = append(names, address(i)+" "+site(i)+".example.org")
	}
	c.names(names...)
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
		c.own[i] = settings{}
		for line := range strings.Lines(instance) {
			if key, value, ok := strings.Cut(line, "="); ok {
				c.own[i]["livesync."+strings.TrimSpace(key)] = strings.TrimSpace(files.Replace(value))
			}
		}
	}
	return servers
}
