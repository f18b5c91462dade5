package main

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"keeptrack/cmd/testenv"
	"keeptrack/tracker"
)

// torrentClient is a BitTorrent client that people use.
type torrentClient struct {
	name string
	// dialsLoopback says whether the client connects to peers on loopback
	// addresses. One that does not has to be in the swarm first, so that the
	// others hear of it and connect to it.
	dialsLoopback bool
	// completesLate says whether the client tells of its completed download
	// only with the next announce, an interval after the first.
	completesLate bool
	// missing says why the client cannot be run here, if it cannot.
	missing func() error
	// command runs the client on one loopback address for a torrent whose file
	// is in dir, or is to be. The client may keep files of its own in home.
	command func(t *testing.T, torrent, dir, home, address string) *exec.Cmd
}

var libtorrent = torrentClient{
	name:          "libtorrent",
	dialsLoopback: true,
	missing: func() error {
		if out, err := exec.Command("/usr/bin/python3", "-c", "import libtorrent").CombinedOutput(); err != nil {
			return fmt.Errorf("python3-libtorrent: %w %s", err, out)
		}
		return nil
	},
	command: func(t *testing.T, torrent, dir, _, address string) *exec.Cmd {
		cmd := exec.Command("/usr/bin/python3", filepath.Join("testdata", "libtorrent_peer.py"), torrent, dir, address)
		stdin, err := cmd.StdinPipe() // stays open as long as the client is to run
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { stdin.Close() })
		return cmd
	},
}

var aria2 = torrentClient{
	name:          "aria2",
	dialsLoopback: true,
	missing:       func() error { _, err := exec.LookPath("aria2c"); return err },
	command: func(t *testing.T, torrent, dir, home, address string) *exec.Cmd {
		// aria2 asks UDP trackers only when its DHT is on. It knows no node,
		// and a private torrent does not use it.
		return exec.Command("aria2c", "--no-conf", "--enable-dht=true", "--dht-file-path="+filepath.Join(home, "dht"),
			"--dht-listen-port="+strconv.Itoa(freePort(t)), "--enable-dht6=false", "--enable-peer-exchange=false", "--bt-enable-lpd=false",
			"--interface="+address, "--listen-port="+strconv.Itoa(freePort(t)), "--stop-with-process="+strconv.Itoa(os.Getpid()),
			"--check-integrity=true", "--allow-overwrite=true", "--seed-ratio=0.0", "--dir="+dir, torrent)
	},
}

var transmission = torrentClient{
	name:    "transmission",
	missing: func() error { _, err := exec.LookPath("transmission-cli"); return err },
	command: func(t *testing.T, torrent, dir, home, _ string) *exec.Cmd {
		config := `{"bind-address-ipv4": "127.0.0.1", "bind-address-ipv6": "::1", "blocklist-enabled": false,
			"dht-enabled": false, "lpd-enabled": false, "pex-enabled": false, "utp-enabled": false,
			"port-forwarding-enabled": false, "rpc-enabled": false}`
		if err := os.WriteFile(filepath.Join(home, "settings.json"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		return exec.Command("transmission-cli", "--no-portmap", "--no-blocklist", "--port="+strconv.Itoa(freePort(t)),
			"--config-dir="+home, "--download-dir="+dir, torrent)
	},
}

// anacrolix asks for no peers in its first announce, before it knows that it
// lacks something, and announces next after the interval. Version 1.61 no longer
// does.
var anacrolix = torrentClient{
	name:          "anacrolix",
	dialsLoopback: true,
	completesLate: true,
	missing:       func() error { _, err := anacrolixBinary(); return err },
	command: func(t *testing.T, torrent, dir, home, address string) *exec.Cmd {
		binary, err := anacrolixBinary()
		if err != nil {
			t.Fatal(err)
		}
		families := []string{"--ipv4", "--no-ipv6"}
		if strings.Contains(address, ":") {
			families = []string{"--no-ipv4", "--ipv6"}
		}
		cmd := exec.Command(binary, append([]string{"download", "--addr=" + net.JoinHostPort(address, strconv.Itoa(freePort(t))),
			"--seed", "--verify", "--no-dht", "--no-pex", "--no-port-forward", "--no-webtorrent", "--no-utp-peers", torrent}, families...)...)
		cmd.Dir = dir // where it looks for the torrent's file
		cmd.Env = append(os.Environ(), "HOME="+home)
		return cmd
	},
}

// anacrolixBinary builds the client once and returns its path.
var anacrolixBinary = sync.OnceValues(func() (string, error) { return goTool("clients", "torrent") })

// goTool builds a tool, of the version in tools/MODULE/go.mod, and returns its path. Its
// modules are downloaded only where clients are required.
func goTool(module, name string) (string, error) {
	cmd := exec.Command("go", "tool", "-modfile=../../tools/"+module+"/go.mod", "-n", name)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if !testenv.Required() {
		cmd.Env = append(cmd.Env, "GOPROXY=off")
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	path, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w %s", name, err, &stderr)
	}
	return strings.TrimSpace(string(path)), nil
}

func TestRealClients(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while") //nolint:forbidigo // asked for by -short
	}
	d := start(t, testSettings(t.TempDir()))
	var all sync.WaitGroup
	for _, c := range []struct {
		url             string
		seeder, leecher torrentClient
	}{
		{"udp IPv4", libtorrent, aria2},
		{"udp IPv4", aria2, transmission},
		{"udp IPv4", transmission, libtorrent},
		{"http IPv4", libtorrent, aria2},
		{"http IPv4", aria2, transmission},
		{"http IPv4", transmission, libtorrent},
		{"udp IPv4", anacrolix, anacrolix},
		{"http IPv4", anacrolix, anacrolix},
		{"udp IPv6", anacrolix, anacrolix},
		{"http IPv6", anacrolix, anacrolix},
		{"udp IPv4", libtorrent, anacrolix},
		{"http IPv4", anacrolix, aria2},
		// aria2 asks UDP trackers over IPv4 only, and transmission asks none
		// over IPv6 when it is kept on the loopback address.
		{"udp IPv6", libtorrent, libtorrent},
		{"http IPv6", libtorrent, aria2},
		{"http IPv6", aria2, libtorrent},
	} {
		// Most of the time the clients wait for each other: all go at once.
		all.Go(func() {
			t.Run(fmt.Sprintf("%s from %s to %s", c.url, c.seeder.name, c.leecher.name), func(t *testing.T) {
				if strings.Contains(c.url, "IPv6") {
					testenv.NeedIPv6(t)
				}
				transfer(t, d.urls()[c.url], d.urls()[c.url], c.seeder, c.leecher)
			})
		})
	}
	all.Wait()
}

// transfer has a file go from one client to another, which meet at the tracker. The
// test asks at another URL of its what it counts.
func transfer(t *testing.T, url, counts string, seeder, leecher torrentClient) {
	address := "127.0.0.1"
	if strings.Contains(url, "[") {
		address = "::1"
	}
	torrent, hash, content := makeTorrent(t, url)
	seedDir, leechDir := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(seedDir, payloadName), content, 0o600); err != nil {
		t.Fatal(err)
	}
	runSeeder := func() { seeder.run(t, torrent, seedDir, address) }
	runLeecher := func() { leecher.run(t, torrent, leechDir, address) }
	// The next announce of the one that comes first is minutes away, so it
	// has to be known before the other one asks for peers.
	if leecher.dialsLoopback {
		runSeeder()
		waitScrape(t, counts, hash, 1, 0, 0)
		runLeecher()
	} else {
		runLeecher()
		waitScrape(t, counts, hash, 0, 1, 0)
		runSeeder()
	}
	waitFor(t, "the file", func() bool {
		got, err := os.ReadFile(filepath.Join(leechDir, payloadName))
		return err == nil && bytes.Equal(got, content)
	})
	if !leecher.completesLate {
		waitScrape(t, counts, hash, 2, 0, 1)
	}
}

// run starts the client, which ends with the test.
func (c torrentClient) run(t *testing.T, torrent, dir, address string) {
	t.Helper()
	testenv.Need(t, "run "+c.name, c.missing())
	startForeign(t, c.name, c.command(t, torrent, dir, t.TempDir(), address))
}

// startForeign runs somebody else's program until the test ends, and shows its
// output if the test fails. The channel is closed when the program ends.
func startForeign(t *testing.T, name string, cmd *exec.Cmd) <-chan struct{} {
	t.Helper()
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cmd.Wait()
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("output of %s:\n%s", name, &output)
		}
	})
	return ended
}

// payloadName is the name of the file in every torrent.
const payloadName = "payload.bin"

// makeTorrent makes a private torrent of one file with random content.
func makeTorrent(t *testing.T, url string) (path string, hash tracker.InfoHash, content []byte) {
	t.Helper()
	const pieceLength = 16 << 10
	random := rand.NewChaCha8(sha256.Sum256([]byte(t.Name())))
	content = make([]byte, 10*pieceLength+1234)
	random.Read(content)
	var pieces []byte
	for rest := content; len(rest) > 0; rest = rest[min(pieceLength, len(rest)):] {
		sum := sha1.Sum(rest[:min(pieceLength, len(rest))])
		pieces = append(pieces, sum[:]...)
	}
	info := fmt.Sprintf("d6:lengthi%de4:name%d:%s12:piece lengthi%de6:pieces%d:%s7:privatei1ee",
		len(content), len(payloadName), payloadName, pieceLength, len(pieces), pieces)
	path = filepath.Join(t.TempDir(), "test.torrent")
	text := fmt.Sprintf("d8:announce%d:%s4:info%se", len(url), url, info)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, sha1.Sum([]byte(info)), content
}
