package http

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	nethttp "net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"keeptrack/cmd/testenv"
	"keeptrack/tracker"
)

// overTLS stands for the engine net/http over TLS.
const overTLS = "TLS"

// certificates returns one for a name and the loopback addresses, signed by itself.
func certificates(t *testing.T, name string) []tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		NotBefore:   time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}
}

// patient are timeouts that no machine is too slow for.
var patient = timeouts{head: time.Hour, idle: time.Hour, write: time.Hour, linger: time.Second, stop: time.Hour, first: time.Millisecond}

// serveTLS runs a server over TLS until stop is called, or until the test's end.
func serveTLS(t *testing.T, o Options, times timeouts, tr *tracker.Tracker) (s *Server, stop func(), stopped chan struct{}) {
	t.Helper()
	o.TLS = &tls.Config{Certificates: certificates(t, "localhost")}
	return run(t, direct, o, times, tr)
}

// trusting accepts any certificate; the tests are about what comes after it.
func trusting(c *tls.Config) *tls.Config {
	if c == nil {
		c = &tls.Config{}
	}
	c.InsecureSkipVerify = true
	return c
}

// dialTLS connects, with the handshake still to come.
func dialTLS(t *testing.T, addr netip.AddrPort, c *tls.Config) (*tls.Conn, *bufio.Reader) {
	t.Helper()
	raw, _ := dial(t, addr)
	conn := tls.Client(raw, trusting(c))
	return conn, bufio.NewReader(conn)
}

// clientOf returns a client that speaks HTTP/2 if it can, or only HTTP/1.1.
func clientOf(t *testing.T, two bool) *nethttp.Client {
	t.Helper()
	transport := &nethttp.Transport{TLSClientConfig: trusting(nil), Protocols: new(nethttp.Protocols)}
	transport.Protocols.SetHTTP1(!two)
	transport.Protocols.SetHTTP2(two)
	t.Cleanup(transport.CloseIdleConnections)
	return &nethttp.Client{Transport: transport, CheckRedirect: func(*nethttp.Request, []*nethttp.Request) error { return nethttp.ErrUseLastResponse }}
}

// fetch asks and returns the reply with its body.
func fetch(t *testing.T, client *nethttp.Client, method, url string) (*nethttp.Response, string) {
	t.Helper()
	req, err := nethttp.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// TestBothProtocolsAnswerAlike: what is asked for over HTTP/2 gets the same reply, and
// counts the same, as over HTTP/1.1, many requests at once on a connection included.
func TestBothProtocolsAnswerAlike(t *testing.T) {
	type replies struct {
		all   []string
		stats Stats
	}
	ask := func(two bool) (r replies) {
		s, stop, stopped := serveTLS(t, Options{FullScrape: true, RedirectURL: "https://example.org/"}, patient, filledTracker(3))
		client, base := clientOf(t, two), "https://"+s.Addrs()[0].String()
		for _, method := range []string{"GET", "HEAD", "POST"} {
			for _, target := range []string{"/announce?" + announceQuery(6881, "1", "&numwant=0"), "/announce?", "/scrape?" + scrapeQuery(2), "/scrape", "/", "/none"} {
				resp, body := fetch(t, client, method, base+target)
				if want := map[bool]int{false: 1, true: 2}[two]; resp.ProtoMajor != want {
					t.Errorf("%s %s over HTTP/%d", method, target, resp.ProtoMajor)
				}
				resp.Header.Del("Connection")
				r.all = append(r.all, fmt.Sprintf("%s %s: %d %v %q", method, target, resp.StatusCode, resp.Header, body))
			}
		}
		r.stats = s.Stats()
		var asking sync.WaitGroup
		for range 200 {
			asking.Go(func() {
				if resp, err := client.Get(base + "/announce?" + libtorrentQuery); err == nil {
					resp.Body.Close()
				} else {
					t.Error(err)
				}
			})
		}
		asking.Wait()
		stop() // with an idle connection
		<-stopped
		if got := s.Stats(); got.Connections != 0 || got.Malformed != 0 {
			t.Errorf("counted at the end %+v", got)
		}
		return r
	}
	one, two := ask(false), ask(true)
	for i := range one.all {
		if one.all[i] != two.all[i] && !strings.HasPrefix(one.all[i], "HEAD /announce") { // its length goes with the jitter
			t.Errorf("over HTTP/1.1 %s\nover HTTP/2   %s", one.all[i], two.all[i])
		}
	}
	if one.stats.Requests != two.stats.Requests || one.stats.Failures != two.stats.Failures || two.stats.Accepted != 1 || two.stats.Handshakes != 1 {
		t.Errorf("over HTTP/1.1 %+v\nover HTTP/2   %+v", one.stats, two.stats)
	}
}

// TestHandshakesThatFail: each reason is counted, and frees the connection.
func TestHandshakesThatFail(t *testing.T) {
	quick := patient
	quick.head = 300 * time.Millisecond
	good := certificates(t, "good.example")
	serve := func(times timeouts) *Server {
		s, _, _ := run(t, direct, Options{TLS: &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if hello.ServerName != "good.example" {
				return nil, errors.New("no such certificate")
			}
			return &good[0], nil
		}}}, times, newTracker())
		return s
	}
	s, hasty := serve(patient), serve(quick)
	addr := s.Addrs()[0]
	shake := func(c *tls.Config) func() {
		return func() {
			conn, _ := dialTLS(t, addr, c)
			if err := conn.Handshake(); err == nil { // TLS 1.3 tells of refusals later
				conn.Read(make([]byte, 1))
			}
		}
	}
	for _, c := range []struct {
		want HandshakeFailure
		do   func()
	}{
		{HandshakeTimeout, func() {
			conn, r := dial(t, hasty.Addrs()[0])
			io.WriteString(conn, "\x16\x03\x01") // the beginning of a ClientHello
			untilClosed(t, r)
		}},
		{HandshakeClosed, func() {
			conn, _ := dial(t, addr)
			conn.Close()
		}},
		{HandshakeNotTLS, func() {
			conn, r := dial(t, addr)
			ask(t, conn, "/announce?"+libtorrentQuery)
			if resp, err := nethttp.ReadResponse(r, nil); err != nil || resp.StatusCode != 400 {
				t.Errorf("HTTP is answered with %+v, %v", resp, err)
			}
		}},
		{HandshakeVersion, shake(&tls.Config{ServerName: "good.example", MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10})},
		{HandshakeName, shake(&tls.Config{ServerName: "bad.example"})},
		{HandshakeAlert, shake(&tls.Config{ServerName: "good.example", MaxVersion: tls.VersionTLS12,
			VerifyConnection: func(tls.ConnectionState) error { return errors.New("do not like it") }})},
		{HandshakeOther, shake(&tls.Config{ServerName: "good.example", MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}})},
	} {
		t.Run(c.want.String(), func(t *testing.T) {
			s := s
			if c.want == HandshakeTimeout {
				s = hasty
			}
			before := s.Stats()
			c.do()
			for end := time.Now().Add(20 * time.Second); s.Stats().HandshakeFailures == before.HandshakeFailures && time.Now().Before(end); {
				time.Sleep(time.Millisecond)
			}
			eventually(t, s, 0)
			after, want := s.Stats(), before.HandshakeFailures
			want[c.want]++
			if after.HandshakeFailures != want || after.Handshakes != before.Handshakes || after.Malformed != 0 {
				t.Errorf("counted %v, want %v", after.HandshakeFailures, want)
			}
		})
	}
}

// TestHalfOpenHandshakes: connections that never say more than a part of a handshake are
// evicted for new ones, so that clients are served meanwhile.
func TestHalfOpenHandshakes(t *testing.T) {
	limit, attempts := 50, testenv.Pick(500, 10_000)
	s, _, _ := serveTLS(t, Options{MaxConnections: limit}, patient, newTracker())
	addr := s.Addrs()[0]
	client := clientOf(t, false)
	for i := range attempts {
		conn, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write([]byte("\x16\x03\x01\x02")); err != nil {
			t.Fatal(err)
		}
		if i%(attempts/20) == 0 {
			client.CloseIdleConnections()
			fetch(t, client, "GET", "https://"+addr.String()+"/announce?"+libtorrentQuery)
		}
	}
	counted := func(got Stats) bool { // of the last connections some may still be in the backlog
		return got.Connections <= limit && got.Evicted >= uint64(attempts-limit) && got.Requests[ActionAnnounce][0].OK == 20
	}
	for deadline := time.Now().Add(20 * time.Second); !counted(s.Stats()); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("counted %+v", s.Stats())
		}
	}
}

// TestHalfOpenHandshakesOfOneAddress: they have no more connections than over HTTP.
func TestHalfOpenHandshakesOfOneAddress(t *testing.T) {
	s, _, _ := serveTLS(t, Options{MaxConnectionsPerAddress: 3}, patient, newTracker())
	for range 3 {
		dial(t, s.Addrs()[0])
	}
	eventually(t, s, 3)
	_, r := dial(t, s.Addrs()[0])
	untilClosed(t, r)
	if got := s.Stats(); got.Refused != 1 || got.Connections != 3 {
		t.Errorf("counted %+v", got)
	}
}

// TestStopOverTLS: idle connections and those amid a handshake end, a request that has
// come in part is answered.
func TestStopOverTLS(t *testing.T) {
	s, stop, stopped := serveTLS(t, Options{}, patient, newTracker())
	addr := s.Addrs()[0]
	dial(t, addr) // says nothing
	idle, idleReader := dialTLS(t, addr, nil)
	ask(t, idle, "/announce?"+libtorrentQuery)
	response(t, idleReader)
	partial, partialReader := dialTLS(t, addr, nil)
	const begun = "GET /announce?" + libtorrentQuery + " HTTP/1.1\r\n"
	io.WriteString(partial, begun+"Host: x\r\n\r\n"+begun)
	response(t, partialReader)
	two := clientOf(t, true)
	fetch(t, two, "GET", "https://"+addr.String()+"/announce?"+libtorrentQuery)
	eventually(t, s, 4)
	stop()
	untilClosed(t, idleReader)
	io.WriteString(partial, "Host: x\r\n\r\n")
	if resp, body := response(t, partialReader); resp.StatusCode != 200 || !resp.Close {
		t.Errorf("got %+v, %q", resp, body)
	}
	<-stopped
	if n := s.Stats().Connections; n != 0 {
		t.Errorf("%d connections", n)
	}
}

// TestEvictionOverHTTP2: an idle connection is evicted for a new one, one with a request
// in hand is not.
func TestEvictionOverHTTP2(t *testing.T) {
	s, _, _ := serveTLS(t, Options{MaxConnections: 1}, patient, newTracker())
	url := "https://" + s.Addrs()[0].String() + "/announce?" + libtorrentQuery
	first, second := clientOf(t, true), clientOf(t, true)
	fetch(t, first, "GET", url)
	fetch(t, second, "GET", url)
	fetch(t, first, "GET", url)
	if got := s.Stats(); got.Evicted != 2 || got.Connections != 1 || got.Requests[ActionAnnounce][0].OK != 3 {
		t.Errorf("counted %+v", got)
	}
}

// TestFullScrapeOverTLS reads all of one over both protocols.
func TestFullScrapeOverTLS(t *testing.T) {
	s, _, _ := serveTLS(t, Options{FullScrape: true}, patient, filledTracker(5000))
	var bodies [2]string
	for i := range bodies {
		_, bodies[i] = fetch(t, clientOf(t, i == 1), "GET", "https://"+s.Addrs()[0].String()+"/scrape")
	}
	if len(bodies[0]) < 5000*60 || !bytes.Equal([]byte(bodies[0]), []byte(bodies[1])) {
		t.Errorf("%d bytes over HTTP/1.1, %d over HTTP/2", len(bodies[0]), len(bodies[1]))
	}
}

// TestUnreadRepliesOverHTTP2: a client that takes no reply, although it keeps asking,
// gives way to another one.
func TestUnreadRepliesOverHTTP2(t *testing.T) {
	s, _, _ := serveTLS(t, Options{MaxConnections: 1}, patient, newTracker())
	conn, _ := dialTLS(t, s.Addrs()[0], &tls.Config{NextProtos: []string{protocolHTTP2}})
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	framer := http2.NewFramer(conn, conn)
	if err := framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}); err != nil {
		t.Fatal(err)
	}
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "x"}, {":path", "/announce?" + libtorrentQuery}} {
		if err := encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
			t.Fatal(err)
		}
	}
	if err := framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true}); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); s.Stats().Requests[ActionAnnounce][0].OK != 1; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("is not asked")
		}
	}
	fetch(t, clientOf(t, false), "GET", "https://"+s.Addrs()[0].String()+"/announce?"+libtorrentQuery)
	if got := s.Stats(); got.Evicted != 1 || got.Connections > 1 {
		t.Errorf("counted %+v", got)
	}
}

// TestPlacesOfClosedConnections: an answer that ends after its connection was closed
// takes no place.
func TestPlacesOfClosedConnections(t *testing.T) {
	var p places
	c := new(netConn)
	p.put(c, standStream)
	p.remove(c)
	p.put(c, standBusy)
	for s := range p.lists {
		if n := p.lists[s].Len(); n != 0 {
			t.Errorf("%d closed connections wait in list %d", n, s)
		}
	}
}

// TestFailedListenerEndsTLS: the server ends although a connection is idle.
func TestFailedListenerEndsTLS(t *testing.T) {
	broken := errors.New("broken")
	fail := make(chan struct{})
	bound := bindTo(t, "127.0.0.1:0")[0]
	s := newServer(Options{TLS: &tls.Config{Certificates: certificates(t, "localhost")}}, newTracker(), patient,
		[]net.Listener{bound, failingListener{newPipeListener(), fail, broken}})
	ended := make(chan error)
	go func() { ended <- s.Run(t.Context()) }()
	fetch(t, clientOf(t, false), "GET", "https://"+s.Addrs()[0].String()+"/announce?"+libtorrentQuery)
	close(fail)
	if err := <-ended; !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// failingListener fails once fail is closed.
type failingListener struct {
	*pipeListener
	fail chan struct{}
	err  error
}

func (l failingListener) Accept() (net.Conn, error) {
	<-l.fail
	return nil, l.err
}

// TestPanicOfHandshakeIsLogged: what a source of certificates does wrong ends one
// connection, and somebody is told.
func TestPanicOfHandshakeIsLogged(t *testing.T) {
	var logged lockedBuffer
	s, _, _ := run(t, direct, Options{Log: zerolog.New(&logged), TLS: &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { panic("no good") },
	}}, standardTimeouts, newTracker())
	conn, _ := dialTLS(t, s.Addrs()[0], nil)
	if err := conn.Handshake(); err == nil {
		t.Error("is served")
	}
	eventually(t, s, 0)
	if text := logged.String(); !strings.Contains(text, "no good") || !strings.Contains(text, `"level":"error"`) {
		t.Errorf("logged %s", text)
	}
}
