package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/livesync/transport"
	"keeptrack/livesync/transport/memory"
	"keeptrack/livesync/transport/unicast"
	syncwire "keeptrack/livesync/wire"
)

// printed returns what w prints of a packet that arrives from "port 1".
func printed(t *testing.T, w watch, packet []byte) (text string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := memory.New(memory.Options{})
		sender, group := n.Join(), n.Join()
		ctx, cancel := context.WithCancel(t.Context())
		var out bytes.Buffer
		ended := make(chan error)
		go func() { ended <- w.watch(ctx, &out, group) }()
		if err := sender.Send(transport.All, packet); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		text = out.String()
	})
	return text
}

func TestWatchPrintsEveryPacket(t *testing.T) {
	for _, c := range []struct{ name, packet, text, json string }{
		{"live", "deadbeef000000005024e27a65da1e1ea6dc6a51168cb2d710cfc5e6c00002011ae18000",
			"deadbeef live 5024e27a65da1e1ea6dc6a51168cb2d710cfc5e6 192.0.2.1:6881 seeding",
			`"type":"live","peers":[{"info_hash":"5024e27a65da1e1ea6dc6a51168cb2d710cfc5e6","peer":"192.0.2.1:6881","flags":["seeding"]}]`},
		{"beacon", "deadbeef000000010000000000989680", "deadbeef beacon 10000000", `"torrents":10000000`},
		{"inquire", "deadbeef00000002cafebabe", "deadbeef inquire cafebabe", `"target":"cafebabe"`},
		{"tell", "deadbeef000000035024e27a65da1e1ea6dc6a51168cb2d710cfc5e60000000700000000000035cc",
			"deadbeef tell 5024e27a65da1e1ea6dc6a51168cb2d710cfc5e6 7 minutes ago downloaded 13772", `"downloaded":13772`},
		{"unknown", "deadbeef000000ff00000000", "dropped: unknown_type", `"dropped":"unknown_type"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			packet, err := hex.DecodeString(c.packet)
			if err != nil {
				t.Fatal(err)
			}
			for form, want := range map[bool]string{false: "port 1 " + c.text + "\n", true: c.json} {
				if got := printed(t, watch{json: form}, packet); !strings.Contains(got, want) || strings.Count(got, "\n") != 1 {
					t.Errorf("got %s, want one line with %s", got, want)
				}
			}
		})
	}
}

func TestWatchOpensSealedPackets(t *testing.T) {
	const key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	const packet = "deadbeef00000100187bcd8d4a5c0001a8a9aaabacadaeafb0b1b2b3b4b5b6b7" +
		"38b752f0db425811e8832a22bc87a96290aeed134fad0fa9e94c9036fcc2384d6d986047e8e58b24ddec127d44e4f3fd"
	p, err := hex.DecodeString(packet)
	if err != nil {
		t.Fatal(err)
	}
	const opened = "deadbeef live 5024e27a65da1e1ea6dc6a51168cb2d710cfc5e6 192.0.2.1:6881 seeding (sealed)"
	for text, want := range map[string]string{
		"": "dropped: sealed_no_key", key: opened,
		strings.Repeat("ab", 32):              "dropped: sealed_bad",
		strings.Repeat("ab", 32) + "\n" + key: opened,
	} {
		var w watch
		if text != "" {
			if w.keys, err = syncwire.ParseKeys(strings.NewReader(text)); err != nil {
				t.Fatal(err)
			}
		}
		if got := printed(t, w, p); !strings.HasSuffix(got, " port 1 "+want+"\n") {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestWatchGoesOnAfterForeignPackets: what a transport passes over does not end it.
func TestWatchGoesOnAfterForeignPackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memory.New(memory.Options{Link: memory.Link{Foreign: true}})
		stranger, member, group := n.Join(), n.Join(), n.Join()
		n.SetLink(member, group, memory.Link{})
		ctx, cancel := context.WithCancel(t.Context())
		var out bytes.Buffer
		ended := make(chan error)
		go func() { ended <- new(watch).watch(ctx, &out, group) }()
		for _, p := range []*memory.Port{stranger, member} {
			if err := p.Send(transport.All, []byte("\xde\xad\xbe\xef\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x07")); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if got := out.String(); !strings.HasSuffix(got, " port 2 deadbeef beacon 7\n") || strings.Count(got, "\n") != 1 {
			t.Errorf("printed %q", got)
		}
	})
}

// TestWatchOverUnicast: an instance that has the watcher among its peers is heard.
func TestWatchOverUnicast(t *testing.T) {
	here, there := fmt.Sprintf("127.0.0.1:%d", freePort(t)), fmt.Sprintf("127.0.0.1:%d", freePort(t))
	w := watch{listen: here}
	group, err := w.join(zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	peer, err := unicast.ParsePeer(here)
	if err != nil {
		t.Fatal(err)
	}
	sender, err := unicast.New(unicast.Options{
		Listen: netip.MustParseAddrPort(there), Peers: []unicast.Peer{peer}, MaxPacket: unicast.SafePacket, Silence: time.Minute, Log: zerolog.Nop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	out, in := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- w.watch(ctx, in, group) }()
	if err := sender.Send(transport.All, []byte("\xde\xad\xbe\xef\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x07")); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if want := " " + there + " deadbeef beacon 7\n"; err != nil || !strings.HasSuffix(line, want) {
		t.Errorf("printed %q, %v, want %q at its end", line, err, want)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestWatchOverUnicastNeedsAnAddress(t *testing.T) {
	over := configFile(t, "[livesync]\ntransport = \"unicast\"\n")
	for _, args := range [][]string{
		{"--config", over},
		{"--config", over, "--listen", "localhost:1"},
		{"--listen", ":9696", "--interface", "lo"},
	} {
		if got := keeptrack(append([]string{"livesync", "watch"}, args...)...); got.status != statusUsage || !strings.Contains(got.stderr, "--listen") {
			t.Errorf("%v: %+v", args, got)
		}
	}
}

func TestWatchNeedsAnInterface(t *testing.T) {
	var stderr bytes.Buffer
	if status := run([]string{"livesync", "watch"}, &bytes.Buffer{}, &stderr); status != statusUsage {
		t.Errorf("exit status %d, %s", status, stderr.String())
	}
	if status := run([]string{"livesync", "watch", "--interface", "127.0.0.1", "--group", "192.0.2.1"}, &bytes.Buffer{}, &stderr); status != statusUsage {
		t.Errorf("exit status %d, %s", status, stderr.String())
	}
}

// TestWatchSumsUp: a line says how many packets came, of which kinds and from whom.
func TestWatchSumsUp(t *testing.T) {
	packet, err := hex.DecodeString("deadbeef000000010000000000989680")
	if err != nil {
		t.Fatal(err)
	}
	got := printed(t, watch{sum: new(watchSum)}, packet)
	if !strings.HasSuffix(got, " 1 packets, 16 B (beacon 1), from deadbeef 1\n") || strings.Count(got, "\n") != 1 {
		t.Errorf("got %q", got)
	}
	if got := printed(t, watch{sum: new(watchSum)}, packet[:3]); !strings.HasSuffix(got, " 1 packets, 3 B (dropped: short 1)\n") {
		t.Errorf("of what is no packet: %q", got)
	}
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		s, over := new(watchSum), make(chan struct{})
		var printing sync.WaitGroup
		printing.Go(func() { s.printEverySecond(&out, over) })
		for range 3 {
			s.add(&watched{Dropped: "short", Bytes: 1})
			s.add(&watched{Dropped: "unknown_type", Bytes: 2000})
			s.add(&watched{Dropped: "short", Bytes: 1})
			time.Sleep(time.Second + time.Millisecond)
		}
		time.Sleep(5 * time.Second) // nothing comes
		close(over)
		printing.Wait()
		if n := strings.Count(out.String(), " 3 packets, 2.0 KiB (dropped: short 2, dropped: unknown_type 1)\n"); n != 3 || strings.Count(out.String(), "\n") != 3 {
			t.Errorf("got %q", &out)
		}
	})
}
