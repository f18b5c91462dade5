package http

import (
	"context"
	"io"
	"net"
	"testing"
	"time"
)

func TestStop(t *testing.T) {
	for name, wrap := range engines {
		t.Run(name, func(t *testing.T) {
			s, stop, stopped := run(t, wrap, Options{}, timeouts{time.Hour, time.Hour, time.Hour, time.Hour, time.Hour, time.Millisecond}, newTracker())
			silent, _ := dial(t, s.Addrs()[0])
			idle, idleReader := dial(t, s.Addrs()[0])
			ask(t, idle, "/announce?"+libtorrentQuery)
			response(t, idleReader)
			partial, partialReader := dial(t, s.Addrs()[0])
			const begun = "GET /announce?" + libtorrentQuery + " HTTP/1.1\r\n"
			io.WriteString(partial, begun+"Host: x\r\n\r\n"+begun) // come as one
			response(t, partialReader)
			eventually(t, s, 3)
			stop()
			for _, r := range []io.Reader{silent, idleReader} {
				if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
					t.Errorf("before the end: %q, %v", rest, err)
				}
			}
			for accepts := true; accepts; {
				conn, err := net.Dial("tcp", s.Addrs()[0].String())
				if accepts = err == nil; accepts {
					conn.Close()
				}
			}
			io.WriteString(partial, "Host: x\r\n\r\n")
			if resp, body := response(t, partialReader); resp.StatusCode != 200 || !resp.Close {
				t.Errorf("got %+v, %q", resp, body)
			}
			<-stopped
			if n := s.Stats().Connections; n != 0 {
				t.Errorf("%d connections", n)
			}
		})
	}
}

// TestStopWaitsForAFirstRequest: a connection that is taken from the system just
// before the stop is not closed over the request that comes with it.
func TestStopWaitsForAFirstRequest(t *testing.T) {
	for name, wrap := range engines {
		t.Run(name, func(t *testing.T) {
			s, stop, stopped := run(t, wrap, Options{}, timeouts{time.Hour, time.Hour, time.Hour, time.Hour, time.Hour, time.Hour}, newTracker())
			idle, idleReader := dial(t, s.Addrs()[0])
			ask(t, idle, "/announce?"+libtorrentQuery)
			response(t, idleReader)
			fresh, freshReader := dial(t, s.Addrs()[0])
			eventually(t, s, 2)
			stop()
			if rest, err := io.ReadAll(idleReader); err != nil || len(rest) > 0 {
				t.Errorf("before the end: %q, %v", rest, err)
			}
			ask(t, fresh, "/announce?"+libtorrentQuery)
			if resp, _ := response(t, freshReader); resp.StatusCode != 200 {
				t.Errorf("got %+v", resp)
			}
			<-stopped
		})
	}
}

// deadlines counts what is set.
type deadlines struct {
	net.Conn
	read int
}

func (d *deadlines) SetReadDeadline(t time.Time) error {
	d.read++
	return d.Conn.SetReadDeadline(t)
}

// TestOneByteBeginsARequest: a connection on which that came does not wait for a
// request any more. Only one that did wait when the server stopped is given
// another deadline, for the rest.
func TestOneByteBeginsARequest(t *testing.T) {
	running := t.Context()
	stopped, stop := context.WithCancel(running)
	stop()
	for _, tt := range []struct {
		name    string
		waiting bool
		ctx     context.Context
		want    int
	}{
		{"waiting", true, running, 0},
		{"amid a request", false, running, 0},
		{"waiting, stopped", true, stopped, 1},
		{"amid a request, stopped", false, stopped, 0},
	} {
		client, server := net.Pipe()
		defer client.Close()
		conn := &deadlines{Conn: server}
		e := &netEngine{service: &service{timeouts: standardTimeouts}, ctx: tt.ctx}
		c := &netConn{Conn: conn, engine: e, waiting: tt.waiting}
		go client.Write([]byte("G"))
		n, err := c.Read(make([]byte, 9))
		if n != 1 || err != nil || c.waiting || !c.used || conn.read != tt.want {
			t.Errorf("%s: %d bytes, %v; waiting %v, used %v, %d deadlines", tt.name, n, err, c.waiting, c.used, conn.read)
		}
	}
}

func TestStopIsForced(t *testing.T) {
	for name, wrap := range engines {
		for _, end := range []string{"in time", "by Close"} {
			t.Run(name+" "+end, func(t *testing.T) {
				l := timeouts{time.Hour, time.Hour, time.Hour, time.Hour, 50 * time.Millisecond, time.Hour}
				if end == "by Close" {
					l.stop = time.Hour
				}
				s, stop, stopped := run(t, wrap, Options{FullScrape: true}, l, filledTracker(100_000))
				partial, _ := dial(t, s.Addrs()[0])
				io.WriteString(partial, "GET /")
				streamed, _ := dial(t, s.Addrs()[0])
				ask(t, streamed, "/scrape") // and is not read
				eventually(t, s, 2)
				if end == "by Close" {
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				} else {
					stop()
				}
				<-stopped
				if n := s.Stats().Connections; n != 0 {
					t.Errorf("%d connections", n)
				}
			})
		}
	}
}

// TestFullScrapeOnEachEngine reads a full scrape after other replies, with
// announces in between on other connections.
func TestFullScrapeOnEachEngine(t *testing.T) {
	for name, wrap := range engines {
		t.Run(name, func(t *testing.T) {
			const n = 20_000
			s, _, _ := run(t, wrap, Options{FullScrape: true}, standardTimeouts, filledTracker(n))
			conn, r := dial(t, s.Addrs()[0])
			io.WriteString(conn, "GET /x HTTP/1.1\r\nHost: x\r\n\r\nGET /scrape HTTP/1.1\r\nHost: x\r\n\r\n")
			if resp, _ := response(t, r); resp.StatusCode != 404 {
				t.Errorf("status %d", resp.StatusCode)
			}
			if _, err := r.Peek(1); err != nil {
				t.Fatal(err)
			}
			other, otherReader := dial(t, s.Addrs()[0])
			io.WriteString(other, "GET /scrape?"+scrapeQuery(1)+" HTTP/1.1\r\nHost: x\r\n\r\n")
			response(t, otherReader)
			resp, body := response(t, r)
			if !resp.Close || resp.ContentLength != -1 || len(resp.TransferEncoding) > 0 {
				t.Errorf("got %+v", resp)
			}
			checkFullScrape(t, body, n)
			again, againReader := dial(t, s.Addrs()[0])
			ask(t, again, "/scrape")
			if _, err := againReader.Peek(1); err != nil {
				t.Fatal(err)
			}
			again.Close() // amid the reply
			eventually(t, s, 1)
		})
	}
}
