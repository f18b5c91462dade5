package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"keeptrack/cmd/internal/client"
)

// fakeDNS has addresses and TXT entries for every name.
type fakeDNS struct {
	addresses []string
	txt       []string
}

func (f fakeDNS) LookupNetIP(_ context.Context, _, host string) (all []netip.Addr, err error) {
	for _, a := range f.addresses {
		all = append(all, netip.MustParseAddr(a))
	}
	if all == nil {
		err = errors.New("no such host: " + host)
	}
	return all, err
}

func (f fakeDNS) LookupTXT(context.Context, string) ([]string, error) { return f.txt, nil }

func TestCheckAsksTheDNS(t *testing.T) {
	c := check{timeout: time.Second, resolver: fakeDNS{addresses: []string{"2001:db8::1", "::ffff:192.0.2.1", "192.0.2.1"}}}
	if all, err := c.lookUp(t.Context(), "tracker.example"); err != nil || len(all) != 2 || all[0].String() != "192.0.2.1" {
		t.Errorf("%v, %v", all, err)
	}
	if all, err := c.lookUp(t.Context(), "::ffff:192.0.2.7"); err != nil || len(all) != 1 || all[0].String() != "192.0.2.7" {
		t.Errorf("%v, %v", all, err)
	}
	c.resolver = fakeDNS{}
	if _, err := c.lookUp(t.Context(), "tracker.example"); err == nil {
		t.Error("a name without addresses has some")
	}
	cmd := newCheckTrackerCommand()
	c.ports = [3]uint16{6969, 6969, 443}
	guessed, err := c.urls(cmd, "tracker.example")
	if err != nil {
		t.Fatal(err)
	}
	asked, err := c.urls(cmd, "udp://tracker.example:1337/announce")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []struct {
		txt     string
		targets []target
		want    string
	}{
		{"", asked, ""},
		{"v=spf1 -all", asked, ""},
		{"BITTORRENT DENY ALL", guessed, "there is no tracker"},
		{"BITTORRENT", guessed, "there is no tracker"},
		{"BITTORRENT UDP:6969 TCP:80", guessed, ""},
		{"BITTORRENT UDP:6969 TCP:1337", asked, "udp://tracker.example:1337/announce: the DNS names other ports"},
		{"BITTORRENT UDP:1337", asked, ""},
	} {
		c.resolver = fakeDNS{txt: []string{d.txt}}
		got := strings.Join(c.dns(t.Context(), "tracker.example", d.targets), "\n")
		if (got == "") != (d.want == "") || !strings.Contains(got, d.want) {
			t.Errorf("%q: %q, want %q", d.txt, got, d.want)
		}
	}
}

func TestWhatIsHeldAgainstATracker(t *testing.T) {
	v4, v6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	works := probe{URL: "udp://x:1", scheme: "udp", Address: v4, Works: true}
	fails := probe{URL: "udp://x:1", scheme: "udp", Address: v6, Error: "no answer"}
	other := probe{URL: "https://x:443", scheme: "https", Address: v4, Error: "no answer"}
	with := func(p probe, change func(*probe)) probe { change(&p); return p }
	for _, c := range []struct {
		name   string
		probes []probe
		want   []string
	}{
		{"all well", []probe{works}, nil},
		{"nothing works", []probe{fails}, []string{"udp://x:1 at 2001:db8::1: no answer"}},
		{"one family alone", []probe{works, fails}, []string{"udp://x:1 at 2001:db8::1: no answer"}},
		{"this host has not the other", []probe{works, with(fails, func(p *probe) { p.unreachable = true })}, nil},
		{"this host reaches nothing", []probe{with(fails, func(p *probe) { p.unreachable = true })}, []string{"nothing could be tried: this host reaches none of the tracker's addresses"}},
		{"this host has one family, which fails", []probe{with(works, func(p *probe) { p.Works, p.unreachable = false, true }), fails}, []string{"udp://x:1 at 2001:db8::1: no answer"}},
		{"a transport that is not offered", []probe{works, other}, nil},
		{"a certificate that is not trusted", []probe{works, with(other, func(p *probe) { p.untrusted = true })}, []string{"https://x:443 at 192.0.2.1: no answer"}},
		{"one that was asked for", []probe{works, with(other, func(p *probe) { p.asked = true })}, []string{"https://x:443 at 192.0.2.1: no answer"}},
		{"a fault", []probe{with(works, func(p *probe) { p.fault("the interval is %d", 1) })}, []string{"udp://x:1 at 192.0.2.1: the interval is 1"}},
	} {
		if got := judge(c.probes); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	now := time.Now()
	for left, against := range map[time.Duration]int{certificateTime - time.Hour: 1, certificateTime + time.Hour: 0} {
		var p probe
		p.certificate(tls.ConnectionState{PeerCertificates: []*x509.Certificate{{NotAfter: now.Add(left)}}}, now)
		if len(p.Against) != against {
			t.Errorf("a certificate for %v: %q", left, p.Against)
		}
	}
}

// TestCheckTellsUntrustedCertificates from other errors.
func TestCheckTellsUntrustedCertificates(t *testing.T) {
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	c := check{client: new(client.Client), timeout: time.Minute}
	for url, want := range map[string]bool{untrusted.URL: true, "https://127.0.0.1:1": false} {
		p := probe{URL: url, Address: netip.MustParseAddr("127.0.0.1")}
		if c.try(t.Context(), &p); p.untrusted != want || p.Works || p.Error == "" {
			t.Errorf("%s: %+v", url, p)
		}
	}
}

// TestCheckTrackers: one that is well but for its address, and others.
func TestCheckTrackers(t *testing.T) {
	d := start(t, testSettings(t.TempDir()))
	_, udp, _ := strings.Cut(d.udp4, ":")
	_, http, _ := strings.Cut(d.http4, ":")
	got := runWith(t, statusFailed, "check", "127.0.0.1", "--udp", udp, "--http", http, "--https", "0")
	if strings.Count(got.stdout, "  works  ") != 2 || strings.Count(got.stdout, "Against it:\n  udp://127.0.0.1:"+udp+"/announce at 127.0.0.1: the address is not public\n  http") != 1 || got.stderr != "" {
		t.Errorf("got %+v", got)
	}
	if n := d.metric(`keeptrack_peers{family="ipv4"}`); n != 0 {
		t.Errorf("%g peers are left", n)
	}
	d.stop()
	for body, want := range map[string]string{
		"d8:intervali60e5:peers0:e":    "the interval 1m0s is not between 5m0s and 3h0m0s",
		"d14:failure reason6:lockede":  `it serves listed torrents only: \"locked\"`,
		"hello":                        "not bencoded",
		"d8:intervali1800e5:peers0:e ": "bytes after the end",
	} {
		got := keeptrack("check", "--json", trackerAnswering(t, body))
		lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
		var last struct{ Against []string }
		if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || got.status != statusFailed || len(last.Against) == 0 || !strings.Contains(got.stdout, want) {
			t.Errorf("%q: %+v, %v, want %q", body, got, err, want)
		}
	}
	for _, args := range [][]string{{"a:80"}, {"ftp://x"}, {"127.0.0.1", "--udp", "0", "--http", "0", "--https", "0"}} {
		if got := keeptrack(append([]string{"check"}, args...)...); got.status != statusUsage {
			t.Errorf("%q: %+v", args, got)
		}
	}
}

// TestCompareTrackers: what the new one has not, or has less of, is found.
func TestCompareTrackers(t *testing.T) {
	row := func(hash, counts string) string { return "20:" + strings.Repeat(hash, 20) + "d" + counts + "e" }
	old := trackerAnswering(t, "d5:filesd"+row("a", "8:completei3e10:downloadedi7e10:incompletei1e")+
		row("b", "8:completei3e10:downloadedi7e10:incompletei1e")+row("c", "8:completei3e10:downloadedi9e10:incompletei1e")+row("d", "")+"ee")
	new := trackerAnswering(t, "d5:filesd"+row("a", "8:completei1e10:downloadedi7e10:incompletei0e")+
		row("b", "8:completei3e10:downloadedi5e10:incompletei1e")+row("d", "10:downloadedi2e")+"ee")
	hex := func(c string) string { return strings.Repeat(c, 20) }
	path := filepath.Join(t.TempDir(), "hashes")
	write := func(lines ...string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("# all", hex("61")+"\t7\t29000000", hex("62"), "", hex("63")+" # gone", hex("64")+":0:7", hex("61"))
	got := keeptrack("compare", old, new, "--hashes", path)
	want := "4 torrents: 1 with equal downloads, 1 with fewer at the new tracker, 1 with more, 1 that it lacks\n" +
		"downloads 23 and 14, seeders 9 and 4, leechers 3 and 1\n"
	if got.status != statusFailed || !strings.HasSuffix(got.stdout, want) || !strings.Contains(got.stdout, hex("63")+"           9    0") ||
		!strings.Contains(got.stderr, "fewer downloads of 1 torrents, and lacks 1") {
		t.Errorf("got %+v, want %q", got, want)
	}
	if got := keeptrack("compare", old, old, "--hashes", path, "--json"); got.status != statusDone || strings.Count(got.stdout, "\n") != 1 || !strings.HasPrefix(got.stdout, `{"torrents":4,"equal":4,`) {
		t.Errorf("with itself: %+v", got)
	}
	if got := keeptrack("compare", old, new); got.status != statusFailed || !strings.HasSuffix(got.stdout, want) {
		t.Errorf("of all that the old one has: %+v", got)
	}
	for tracker, want := range map[string]string{
		"udp://127.0.0.1:1": "only over HTTP", trackerAnswering(t, "d14:failure reason2:noe"): `"no"`, trackerAnswering(t, "d5:filesdee"): "has no torrents",
	} {
		if got := keeptrack("compare", tracker, new); got.status != statusFailed || !strings.Contains(got.stderr, want) {
			t.Errorf("%s: %+v, want %q", tracker, got, want)
		}
	}
	if got := keeptrack("compare", old, new, "--hashes", path, "--limit", "1"); strings.Count(got.stdout, "\n") != 4 {
		t.Errorf("the greatest difference alone: %+v", got)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"compare", old, "x", "--hashes", path}, "x"},
		{[]string{"compare", old, new, "--hashes", path, "--pace", "0"}, "--pace"},
	} {
		if got := keeptrack(c.args...); got.status != statusUsage || !strings.Contains(got.stderr, c.want) {
			t.Errorf("%q: %+v", c.args, got)
		}
	}
	for text, want := range map[string]string{"nonsense": "line 1: an info hash", "# nothing": "no info hashes"} {
		write(text)
		if got := keeptrack("compare", old, new, "--hashes", path); got.status != statusFailed || !strings.Contains(got.stderr, want) {
			t.Errorf("%q: %+v", text, got)
		}
	}
}
