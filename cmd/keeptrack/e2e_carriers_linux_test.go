package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keeptrack/cmd/testenv"
	"keeptrack/livesync/transport/nats/natstest"
)

// recipe returns blocks of a section of docs/cluster.md: of each language named, the first
// that comes after the block before.
func recipe(t *testing.T, heading string, languages ...string) (blocks []string) {
	t.Helper()
	_, rest, found := strings.Cut(readText(t, filepath.Join(root, "docs", "cluster.md")), "# "+heading+"\n")
	for _, language := range languages {
		var begins, ends bool
		var block string
		_, rest, begins = strings.Cut(rest, "```"+language+"\n")
		block, rest, ends = strings.Cut(rest, "```\n")
		found = found && begins && ends
		blocks = append(blocks, block)
	}
	if !found {
		t.Fatalf("docs/cluster.md has not all of %q", heading)
	}
	return blocks
}

// liveSyncOf returns the settings in a table [livesync].
func liveSyncOf(table string) settings {
	s := settings{}
	for line := range strings.Lines(table) {
		if key, value, ok := strings.Cut(line, "="); ok {
			s["livesync."+strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return s
}

// asDocumented gives all instances of a cluster the config of a recipe, but for what is replaced
// in it, with a key.
func (c *cluster) asDocumented(heading string, replaced ...string) []*natstest.Server {
	c.t.Helper()
	replaced = append(replaced, "/etc/keeptrack/group.key", keyFile(c.t, groupKey("a")))
	s := liveSyncOf(strings.NewReplacer(replaced...).Replace(recipe(c.t, heading, "toml")[0]))
	for i := range c.own {
		c.own[i] = s
	}
	return nil
}

// withoutKey has the instances trust the network.
func (c *cluster) withoutKey() []*natstest.Server { return nil }

// nameSites gives the hosts the names a.example.org and so on.
func (c *cluster) nameSites() {
	c.t.Helper()
	var names []string
	for i := range c.hosts {
		names = append(names, fmt.Sprintf("%s %c.example.org", address(i), 'a'+i))
	}
	c.names(names...)
}

func (c *cluster) overMulticast() []*natstest.Server {
	return c.asDocumented("On one network: multicast", "192.0.2.0/28", "198.51.100.0/24")
}

func (c *cluster) overUnicast() []*natstest.Server {
	const last = `"c.example.org:9696"`
	list := last
	for i := 3; i < len(c.hosts); i++ {
		list += fmt.Sprintf(`, "%c.example.org:9696"`, 'a'+i)
	}
	c.nameSites()
	return c.asDocumented("Between clouds and sites: unicast", last, list)
}

// carriers have the instances of a cluster reach each other in each way that there is, as
// docs/cluster.md says, with a key. They return the NATS servers that it takes.
var carriers = []struct {
	name string
	over func(*cluster) []*natstest.Server
}{
	{"multicast", (*cluster).overMulticast},
	{"unicast", (*cluster).overUnicast},
	{"nats", (*cluster).natsSites},
}

// TestExactOverEachTransport: with clients at all instances, one is cut off for a while,
// one restarts and one is killed.
func TestExactOverEachTransport(t *testing.T) {
	for _, via := range carriers {
		t.Run(via.name, func(t *testing.T) {
			t.Parallel()
			torrents, rate, stretch := exactLoad()
			g := newEmptyCluster(t, 3, torrents, settings{"store.checkpoint_interval": `"1h"`})
			via.over(g)
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
					t.Error("the host was not cut off")
				}
				g.attach(2)
				g.accept(stretch / 3)
			})
			g.waitExact("one was cut off")
			g.during(rate, func() {
				g.accept(stretch / 3)
				g.restart(1)
				g.accept(stretch / 3)
				g.drain(0)
				g.accept(rate) // for a second
				g.kill(0, 0)
				g.accept(stretch / 3)
				g.start(0)
				g.accept(stretch / 3)
			})
			g.waitExact("one restarted and one was killed")
			g.wantPeersEverywhere()
			g.end()
		})
	}
}
