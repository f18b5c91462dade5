package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"keeptrack/cmd/internal/harness"
)

// group is what the instances of a soak have in common.
type group struct {
	address     *net.UDPAddr
	list        string // file of the access list
	peerTimeout time.Duration
	keys        []string // as they follow each other
}

// newGroup chooses a multicast group, with a port that is free, and makes the
// first key.
func newGroup(dir string, peerTimeout time.Duration) (*group, error) {
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var ip [3]byte
	rand.Read(ip[:]) // never fails
	return &group{
		address:     &net.UDPAddr{IP: net.IPv4(239, ip[0], ip[1], 1+ip[2]%254), Port: c.LocalAddr().(*net.UDPAddr).Port},
		list:        dir + "/refused.txt",
		peerTimeout: peerTimeout,
		keys:        []string{newKey()},
	}, nil
}

func newKey() string {
	var key [32]byte
	rand.Read(key[:]) // never fails
	return hex.EncodeToString(key[:])
}

// keyPhases is the number of reloads that it takes to change the key: the new
// one is added, comes first, is alone.
const keyPhases = 3

// writeKeys writes the key file as it is after a number of reloads.
func (g *group) writeKeys(path string, reloads int) error {
	for len(g.keys) < reloads/keyPhases+2 {
		g.keys = append(g.keys, newKey())
	}
	old, new := g.keys[reloads/keyPhases], g.keys[reloads/keyPhases+1]
	lines := [keyPhases][]string{{old}, {old, new}, {new, old}}[reloads%keyPhases]
	return os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600)
}

// writeList writes an access list, and into it a torrent that nobody announces.
func (g *group) writeList(o *overrides, reloads int) error {
	return os.WriteFile(g.list, fmt.Appendf(o.file(), "%040x # reload %d\n", reloads, reloads), 0o600)
}

// writeConfig writes the config of an instance.
func (g *group) writeConfig(h *session, keyFile string) error {
	if err := g.writeList(h.overrides, 0); err != nil {
		return err
	}
	quoted := func(v any) string { return fmt.Sprintf("%q", fmt.Sprint(v)) }
	return os.WriteFile(h.config, h.common(h.file).With(harness.Settings{
		"tracker.peer_timeout":        quoted(g.peerTimeout),
		"udp.connection_id_lifetime":  `"24h"`,
		"access.file":                 quoted(g.list),
		"store.checkpoint_interval":   `"500ms"`,
		"livesync.enabled":            "true",
		"livesync.interface":          `"127.0.0.1"`,
		"livesync.group":              quoted(g.address.IP),
		"livesync.port":               fmt.Sprint(g.address.Port),
		"livesync.nodes":              `["127.0.0.1/32"]`,
		"livesync.loopback":           "true",
		"livesync.max_delay":          `"100ms"`,
		"livesync.first_beacon_delay": `"1s"`,
		"livesync.beacon_interval":    `"10s"`,
		"livesync.key_file":           quoted(keyFile),
	}).Text(), 0o600)
}
