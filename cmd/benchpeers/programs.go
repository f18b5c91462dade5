//go:build linux

package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"keeptrack/cmd/internal/bench"
)

// programs are all that can be measured, the floor first and keeptrack second.
var programs = []program{
	{"floor", true, false, floorArguments},
	{"keeptrack", true, true, keeptrackArguments},
	{"opentracker", true, true, opentrackerArguments},
	{"aquatic-udp", true, false, aquaticUDPArguments},
	{"aquatic-http", false, true, aquaticHTTPArguments},
	{"chihaya", true, true, chihayaArguments},
}

func floorArguments(_ string, at []netip.AddrPort, _ *load) ([]string, error) {
	args := []string{floorArgument}
	for _, a := range at {
		args = append(args, a.String())
	}
	return args, nil
}

// written writes a config and returns its path.
func written(folder, name, format string, a ...any) (string, error) {
	path := filepath.Join(folder, name)
	return path, os.WriteFile(path, fmt.Appendf(nil, format, a...), 0o644)
}

// quoted returns the addresses as a list in TOML.
func quoted(at []netip.AddrPort) string {
	var list []string
	for _, a := range at {
		list = append(list, fmt.Sprintf("%q", a))
	}
	return "[" + strings.Join(list, ", ") + "]"
}

func keeptrackArguments(folder string, at []netip.AddrPort, _ *load) ([]string, error) {
	path, err := written(folder, "keeptrack.toml", `[tracker]
allow_private_addresses = true
max_torrents_per_address = 0
[udp]
listen = %[1]s
workers = 1
[http]
listen = %[1]s
[admin]
listen = ""
[store]
path = %[2]q
`, quoted(at), filepath.Join(folder, "keeptrack.db"))
	return []string{"serve", "--config", path}, err
}

func opentrackerArguments(folder string, at []netip.AddrPort, l *load) ([]string, error) {
	var list bytes.Buffer
	if err := bench.WriteHashes(&list, l.options("", 0).Load); err != nil {
		return nil, err
	}
	if _, err := written(folder, "white", "%s", list.Bytes()); err != nil {
		return nil, err
	}
	var config strings.Builder
	for _, a := range at {
		fmt.Fprintf(&config, "listen.tcp_udp %s\n", a)
	}
	path, err := written(folder, "opentracker.conf", "%saccess.whitelist white\ntracker.rootdir %s\ntracker.user nobody\n", &config, folder)
	return []string{"-f", path}, err
}

// aquaticUDPArguments writes a config of aquatic_udp 0.9. Built with io_uring, it uses that
// unless it is told otherwise.
func aquaticUDPArguments(folder string, at []netip.AddrPort, _ *load) ([]string, error) {
	address := at[0]
	if len(at) > 1 { // it has one socket, which takes both families
		address = netip.AddrPortFrom(netip.IPv6Unspecified(), address.Port())
	}
	path, err := written(folder, "aquatic.toml", `socket_workers = 1
[network]
address = %q
[protocol]
max_response_peers = 50
[statistics]
interval = 0
`, address)
	return []string{"-c", path}, err
}

func aquaticHTTPArguments(folder string, at []netip.AddrPort, l *load) ([]string, error) {
	if len(at) > 1 {
		return nil, fmt.Errorf("aquatic_http listens at one address")
	}
	path, err := written(folder, "aquatic.toml", `socket_workers = 1
swarm_workers = 1
[network]
address = %q
keep_alive = %t
`, at[0], !l.close)
	return []string{"-c", path}, err
}

func chihayaArguments(folder string, at []netip.AddrPort, l *load) ([]string, error) {
	if len(at) > 1 {
		return nil, fmt.Errorf("chihaya listens at one address")
	}
	path, err := written(folder, "chihaya.yaml", `chihaya:
  announce_interval: "30m"
  min_announce_interval: "15m"
  http:
    addr: %[1]q
    read_timeout: "5s"
    write_timeout: "5s"
    enable_keepalive: %[2]t
    idle_timeout: "30s"
    announce_routes: ["/announce"]
    scrape_routes: ["/scrape"]
    max_numwant: 100
    default_numwant: 50
    max_scrape_infohashes: 50
  udp:
    addr: %[1]q
    max_clock_skew: "10s"
    private_key: "for measuring"
    max_numwant: 100
    default_numwant: 50
    max_scrape_infohashes: 50
  storage:
    name: "memory"
    config:
      gc_interval: "3m"
      peer_lifetime: "31m"
      shard_count: 1024
`, at[0], !l.close)
	return []string{"--config", path}, err
}
