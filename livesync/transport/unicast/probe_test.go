package unicast

import (
	"bytes"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// mirror is a peer's address, at which a test reads what a link sends and from which it
// answers.
type mirror struct {
	t        *testing.T
	link     *link
	host     *host
	log      bytes.Buffer
	at       *net.UDPConn
	stranger *net.UDPConn // at another address
}

func newMirror(t *testing.T) *mirror {
	t.Helper()
	m := &mirror{t: t}
	open := func(addr string) *net.UDPConn {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(addr)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	m.at, m.stranger = open("127.0.0.2"), open("127.0.0.3")
	where := m.at.LocalAddr().(*net.UDPAddr).AddrPort()
	where = netip.AddrPortFrom(where.Addr().Unmap(), where.Port())
	m.link = listen(t, at("127.0.0.1", freePort(t)), func(o *Options) { o.Log = zerolog.New(&m.log) }, where.String())
	m.host = m.link.hosts[where]
	return m
}

// probed has the link send a probe, and returns it.
func (m *mirror) probed() []byte {
	m.link.probe()
	return m.read()
}

// read returns the next packet that the link has sent.
func (m *mirror) read() []byte {
	m.t.Helper()
	buf := make([]byte, 64)
	if err := m.at.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		m.t.Fatal(err)
	}
	n, err := m.at.Read(buf)
	if err != nil {
		m.t.Fatal(err)
	}
	return buf[:n]
}

// send sends packets to the link, and returns when it has taken them.
func (m *mirror) send(from *net.UDPConn, packets ...[]byte) {
	m.t.Helper()
	for _, p := range packets {
		if _, err := from.WriteTo(p, m.link.conn.LocalAddr()); err != nil {
			m.t.Fatal(err)
		}
	}
	if _, err := m.stranger.WriteTo([]byte("end"), m.link.conn.LocalAddr()); err != nil {
		m.t.Fatal(err)
	}
	for got := ""; got != "end"; {
		got, _, _ = take(m.t, m.link)
	}
}

// isOwn reports whether the mirror's address counts as the link's, and is not sent to.
func (m *mirror) isOwn() bool {
	m.t.Helper()
	own := m.host.isOwn(time.Since(m.link.began))
	m.link.review(time.Now())
	if sent := slices.Contains(m.link.table.Load().all, m.host); sent == own {
		m.t.Errorf("own %t, sent to %t", own, sent)
	}
	return own
}

// TestWhichProbesThatComeBackCount: none that somebody kept, or sends from elsewhere, or
// sends while another instance is heard from that address.
func TestWhichProbesThatComeBackCount(t *testing.T) {
	other := []byte("packet of another instance")
	foreignProbe := append(slices.Clone(probeHead[:]), "another's token."...)
	for name, tt := range map[string]struct {
		back func(m *mirror)
		want bool
	}{
		"the last":                       {func(m *mirror) { m.probed(); m.send(m.at, m.probed()) }, true},
		"the one before":                 {func(m *mirror) { p := m.probed(); m.probed(); m.send(m.at, p) }, true},
		"an older one":                   {func(m *mirror) { p := m.probed(); m.probed(); m.probed(); m.send(m.at, p) }, false},
		"from elsewhere":                 {func(m *mirror) { m.send(m.stranger, m.probed()) }, false},
		"no token":                       {func(m *mirror) { m.send(m.at, append(slices.Clone(probeHead[:]), make([]byte, len(token{}))...)) }, false},
		"of one that is heard":           {func(m *mirror) { m.send(m.at, other, m.probed()) }, false},
		"of one that probes":             {func(m *mirror) { m.send(m.at, foreignProbe, m.probed()) }, false},
		"of one that is heard then":      {func(m *mirror) { m.send(m.at, m.probed(), other) }, false},
		"of one that probes then":        {func(m *mirror) { m.send(m.at, m.probed(), foreignProbe) }, false},
		"beside one's own packets":       {func(m *mirror) { send(t, m.link, "ID: p"); m.send(m.at, m.read(), m.probed()) }, true},
		"and one's own packets then":     {func(m *mirror) { send(t, m.link, "ID: p"); m.send(m.at, m.probed(), m.read()) }, true},
		"of one that was heard long ago": {func(m *mirror) { m.send(m.at, other); m.host.met.Store(int64(-time.Hour)); m.send(m.at, m.probed()) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMirror(t)
			if tt.back(m); m.isOwn() != tt.want {
				t.Errorf("own: %t", !tt.want)
			}
		})
	}
}

// TestALinkThatIsGivenBackIsLogged: what somebody on the way can do shows.
func TestALinkThatIsGivenBackIsLogged(t *testing.T) {
	m := newMirror(t)
	m.send(m.at, m.probed(), m.probed())
	for range 2 {
		m.send(m.at, []byte("packet of another instance"), m.probed())
	}
	for _, message := range []string{"leads back to this instance", "seemed to lead back to this one"} {
		if strings.Count(m.log.String(), message) != 1 {
			t.Errorf("%q is not there once:\n%s", message, m.log.String())
		}
	}
}
