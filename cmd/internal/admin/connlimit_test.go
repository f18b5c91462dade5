package admin

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"keeptrack/cmd/testenv"
	"keeptrack/tracker"
)

const (
	hostHeader = " HTTP/1.1\r\nHost: 127.0.0.1\r\n"
	metrics    = "GET /metrics" + hostHeader + "Authorization: Bearer sesame\r\n\r\n"
	health     = "GET /healthz" + hostHeader + "\r\n"
)

// The addresses of the operator and of somebody else.
const operator, other = "192.0.2.1", "192.0.2.2"

// visitor is a client's end of a connection that takes what comes.
type visitor struct {
	net.Conn
	replies chan *http.Response
	closed  chan struct{} // by the server
}

// visit returns a visitor who has sent a text.
func visit(conn net.Conn, text string) *visitor {
	v := &visitor{Conn: conn, replies: make(chan *http.Response, 1), closed: make(chan struct{})}
	go func() {
		defer close(v.closed)
		for in := bufio.NewReader(conn); ; {
			reply, err := http.ReadResponse(in, nil)
			if err != nil {
				return
			}
			io.Copy(io.Discard, reply.Body)
			v.replies <- reply
		}
	}()
	v.send(text)
	return v
}

// send sends a text once the server has done what it has to.
func (v *visitor) send(text string) {
	io.WriteString(v, text) // fails if the connection is closed, which the test asks about
	synctest.Wait()
}

// status is that of the reply there is, 0 if there is none.
func (v *visitor) status() int {
	synctest.Wait()
	select {
	case reply := <-v.replies:
		return reply.StatusCode
	default:
		return 0
	}
}

// wantOpen expects that a connection is open, or that it is closed.
func wantOpen(t *testing.T, v *visitor, want bool) {
	t.Helper()
	synctest.Wait()
	select {
	case <-v.closed:
		if want {
			t.Error("a connection is closed that was to stay")
		}
	default:
		if !want {
			t.Error("a connection stays open that was to make room")
		}
	}
}

// TestOperatorGetsIn although another address holds all the connections that
// there may be, and goes on to open new ones before his request arrives.
func TestOperatorGetsIn(t *testing.T) {
	for name, text := range map[string]string{
		"silent":             "",
		"trickling":          "GET /metrics" + hostHeader,
		"waiting for a body": "GET /healthz" + hostHeader + "Content-Length: 1\r\n\r\n",
		"kept alive":         health,
		"without the token":  "GET /metrics" + hostHeader + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dial := onPipes(t, Options{Token: "sesame"})
				var others []*visitor
				flood := func() {
					for range 2 * maxConnections {
						others = append(others, visit(dial(other), text))
					}
				}
				flood()
				o := visit(dial(operator), "")
				flood()
				o.send(metrics)
				if status := o.status(); status != http.StatusOK {
					t.Errorf("the operator: status %d", status)
				}
				for i, v := range others { // all but the operator's are the latest
					wantOpen(t, v, i > len(others)-maxConnections)
				}
			})
		})
	}
}

// TestManyAddresses keep nobody out who has an address of his own while they are
// fewer than the connections.
func TestManyAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial := onPipes(t, Options{Token: "sesame"})
		o := visit(dial(operator), "")
		for range 3 {
			for i := range maxConnections - 1 {
				visit(dial(fmt.Sprint("198.51.100.", i)), "")
			}
		}
		wantOpen(t, o, true)
		visit(dial(other), "")
		wantOpen(t, o, false)
	})
}

// TestOperatorSharesHisAddress: what has just been opened there takes the place
// of what has been idle for longest.
func TestOperatorSharesHisAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial := onPipes(t, Options{Token: "sesame"})
		kept, healthy := visit(dial(operator), ""), visit(dial(operator), "")
		for range maxConnections - 2 {
			visit(dial(operator), "")
		}
		kept.send(metrics)
		healthy.send(health) // needs no token
		for range maxConnections - 1 {
			wantOpen(t, visit(dial(operator), ""), true)
		}
		wantOpen(t, kept, true)
		wantOpen(t, healthy, false)
		if status := visit(dial(operator), metrics).status(); status != http.StatusOK {
			t.Errorf("a new connection: status %d", status)
		}
		wantOpen(t, kept, false)
	})
}

// TestRequestsInHandStay: they make no room for what comes later until all of
// the reply is with the client.
func TestRequestsInHandStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := make(chan struct{})
		dial := onPipes(t, Options{API: func() (API, error) {
			<-end
			return &fakeAPI{}, nil
		}})
		var busy []net.Conn
		for range maxConnections {
			conn := dial(operator)
			io.WriteString(conn, "GET /api/v1/stats"+hostHeader+"\r\n")
			synctest.Wait()
			busy = append(busy, conn)
		}
		wantOpen(t, visit(dial(operator), ""), false)
		close(end)
		wantOpen(t, visit(dial(operator), ""), false) // nobody has read a reply yet
		for _, conn := range busy {
			if status := visit(conn, "").status(); status != http.StatusOK {
				t.Errorf("a request in hand: status %d", status)
			}
		}
		wantOpen(t, visit(dial(operator), ""), true)
	})
}

// TestClosedConnectionsAreForgotten: they take no room.
func TestClosedConnectionsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial := onPipes(t, Options{Token: "sesame"})
		last := "GET /metrics" + hostHeader + "Authorization: Bearer sesame\r\nConnection: close\r\n\r\n"
		for range maxConnections {
			if status := visit(dial(operator), last).status(); status != http.StatusOK {
				t.Fatalf("status %d", status)
			}
		}
		if status := visit(dial(operator), metrics).status(); status != http.StatusOK {
			t.Errorf("a new connection: status %d", status)
		}
	})
}

// TestRequestsInHandDoNotCount against who has them.
func TestRequestsInHandDoNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := make(chan struct{})
		defer close(end)
		dial := onPipes(t, Options{API: func() (API, error) {
			<-end
			return &fakeAPI{}, nil
		}})
		for range maxConnections - 4 {
			visit(dial(operator), "GET /api/v1/stats"+hostHeader+"\r\n")
		}
		o := visit(dial(operator), "")
		for range 2 * maxConnections {
			visit(dial(other), "")
		}
		wantOpen(t, o, true)
	})
}

// TestFloodOverTCP is TestOperatorGetsIn with addresses of the host.
func TestFloodOverTCP(t *testing.T) {
	s, url := run(t, Options{Token: "sesame"})
	connect := func(from string) net.Conn {
		conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).Dial("tcp", s.opts.Listener.Addr().String())
		if errors.Is(err, syscall.EADDRNOTAVAIL) {
			testenv.Need(t, "connect from "+from, err)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conn.SetDeadline(time.Now().Add(time.Minute))
		return conn
	}
	conn := connect("127.0.0.1")
	var others []net.Conn
	for range 3 * maxConnections {
		others = append(others, connect("127.0.0.2"))
	}
	for _, o := range others[:2*maxConnections+1] { // they are accepted in order
		io.Copy(io.Discard, o)
	}
	io.WriteString(conn, metrics)
	if reply, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || reply.StatusCode != http.StatusOK {
		t.Errorf("the operator: %v, %v", reply, err)
	}
	if status, _ := get(t, url+"/metrics", "Bearer sesame"); status != http.StatusOK {
		t.Errorf("the operator, anew: status %d", status)
	}
}

func TestSources(t *testing.T) {
	for _, c := range []struct {
		name string
		addr net.Addr
		want netip.Addr
	}{
		{"IPv4", &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}, netip.MustParseAddr("192.0.2.1")},
		{"IPv4 in IPv6", &net.TCPAddr{IP: net.ParseIP("::ffff:192.0.2.1"), Port: 1}, netip.MustParseAddr("192.0.2.1")},
		{"IPv6", &net.TCPAddr{IP: net.ParseIP("2001:db8:1:2:3::4"), Port: 1}, netip.MustParseAddr("2001:db8:1:2::")},
		{"link-local", &net.TCPAddr{IP: net.ParseIP("fe80::1"), Port: 1, Zone: "eth0"}, netip.MustParseAddr("fe80::")},
		{"unix", &net.UnixAddr{Net: "unix"}, netip.Addr{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := sourceOf(&pipeEnd{from: c.addr}); got != tracker.NetworkOf(c.want) {
				t.Errorf("%x, want that of %v", got, c.want)
			}
		})
	}
}
