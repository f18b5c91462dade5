package http

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"keeptrack/tracker"
)

// These tests are about time on real sockets, so they only tell that something
// does not happen too early, and that it does happen. The times themselves are
// tested in virtual time, as far as they can be.

// eventually waits until the server has n connections.
func eventually(t *testing.T, s *Server, n int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); s.Stats().Connections != n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections instead of %d", s.Stats().Connections, n)
		}
	}
}

func TestLimits(t *testing.T) {
	const limit = 60 * time.Millisecond
	tests := []struct {
		name     string
		timeouts timeouts
		send     string
		reply    bool
	}{
		{"nothing comes", timeouts{head: limit, idle: time.Hour}, "", false},
		{"a part of a head", timeouts{head: limit, idle: time.Hour}, "GET / HTTP/1.1\r\nHost:", false},
		{"idle", timeouts{head: time.Hour, idle: limit, write: time.Hour}, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", true},
		{"a part of the second head", timeouts{head: limit, idle: time.Hour, write: time.Hour},
			"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /", true},
		{"waits for a body", timeouts{head: time.Hour, linger: limit, write: time.Hour},
			"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n", true},
	}
	onEachEngine(t, func(t *testing.T, start starter) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				s := start(t, Options{}, test.timeouts)
				began := time.Now()
				conn, r := dial(t, s.Addrs()[0])
				io.WriteString(conn, test.send)
				if test.reply {
					response(t, r)
				} else {
					untilClosed(t, r)
				}
				eventually(t, s, 0)
				if got := time.Since(began); got < limit {
					t.Errorf("closed after %v", got)
				}
			})
		}
	})
}

// TestDripIsCutOff sends a head byte by byte, each in time.
func TestDripIsCutOff(t *testing.T) {
	onEachEngine(t, func(t *testing.T, start starter) {
		s := start(t, Options{}, timeouts{head: 50 * time.Millisecond})
		conn, _ := dial(t, s.Addrs()[0])
		for {
			if _, err := conn.Write([]byte("x")); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal("is not cut off")
			} else if err != nil {
				return // cut off
			}
			time.Sleep(time.Millisecond)
			if s.Stats().Connections == 0 {
				return
			}
		}
	})
}

// TestUnreadRepliesAreGivenUp asks for more than fits into the sockets.
func TestUnreadRepliesAreGivenUp(t *testing.T) {
	onEachEngine(t, func(t *testing.T, start starter) {
		s := start(t, Options{}, timeouts{head: time.Hour, idle: time.Hour, write: 50 * time.Millisecond})
		conn, _ := dial(t, s.Addrs()[0])
		conn.SetReadBuffer(4096)
		eventually(t, s, 1)
		go func() {
			for { // until the connection is closed
				if _, err := io.WriteString(conn, "GET /scrape?"+scrapeQuery(74)+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
					return
				}
			}
		}()
		eventually(t, s, 0)
	})
}

// TestManyRequestsAtOnce asks for more than fits into the sockets, and reads
// nothing until the server waits for that.
func TestManyRequestsAtOnce(t *testing.T) {
	onEachEngine(t, func(t *testing.T, start starter) {
		const requests = 3000
		s := start(t, Options{}, standardTimeouts)
		for port := 1; port <= 300; port++ {
			get(s.service.handler, addr6, "/announce", announceQuery(port, "1", ""))
		}
		conn, r := dial(t, s.Addrs()[0])
		one := "GET /announce?" + announceQuery(0, "1", "&numwant=200&compact=0") + " HTTP/1.1\r\nHost: x\r\n\r\n"
		wrote := make(chan error, 1)
		go func() {
			_, err := io.WriteString(conn, strings.Repeat(one, requests-1)+
				strings.Replace(one, "Host", "Connection: close\r\nHost", 1))
			wrote <- err
		}()
		untilStalled(s)
		for range requests {
			if resp, body := response(t, r); resp.StatusCode != 200 || len(body) < 6000 || !strings.HasSuffix(body, "e") {
				t.Fatalf("status %d, %q", resp.StatusCode, body)
			}
		}
		if err := <-wrote; err != nil {
			t.Error(err)
		}
		if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
			t.Errorf("after the last reply: %q, %v", rest, err)
		}
	})
}

// untilStalled waits until the server has answered something and seems to
// answer no more. If that is only for a moment, the test tests less.
func untilStalled(s *Server) {
	for last, same := uint64(0), 0; last == 0 || same < 30; time.Sleep(time.Millisecond) {
		if n := s.Stats().Requests[ActionAnnounce][tracker.IPv4].OK; n == last {
			same++
		} else {
			last, same = n, 0
		}
	}
}

// TestByteByByte sends requests in the smallest parts.
func TestByteByByte(t *testing.T) {
	onEachEngine(t, func(t *testing.T, start starter) {
		s := start(t, Options{}, standardTimeouts)
		conn, r := dial(t, s.Addrs()[0])
		for range 2 {
			for _, c := range []byte("GET /announce?" + libtorrentQuery + " HTTP/1.1\r\nHost: x\r\n\r\n") {
				conn.Write([]byte{c})
			}
			if resp, _ := response(t, r); resp.StatusCode != 200 {
				t.Errorf("status %d", resp.StatusCode)
			}
		}
	})
}

// TestBodyDoesNotCutOffTheReply sends a body that nobody reads.
func TestBodyDoesNotCutOffTheReply(t *testing.T) {
	onEachEngine(t, func(t *testing.T, start starter) {
		s := start(t, Options{}, standardTimeouts)
		conn, r := dial(t, s.Addrs()[0])
		io.WriteString(conn, "POST /announce HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n")
		conn.Write(bytes.Repeat([]byte("x"), 200_000))
		conn.CloseWrite()
		resp, body := response(t, r)
		if resp.StatusCode != 405 || !resp.Close || body != FailureMethod.Text()+"\n" {
			t.Errorf("got %+v %q", resp, body)
		}
		eventually(t, s, 0)
	})
}

// TestBoundOnEachEngine fills the server with a connection that cannot be spared.
func TestBoundOnEachEngine(t *testing.T) {
	for name, wrap := range engines {
		t.Run(name, func(t *testing.T) {
			long := timeouts{head: time.Hour, idle: time.Hour, write: time.Hour}
			s, _, _ := run(t, wrap, Options{MaxConnections: 1, FullScrape: true}, long, filledTracker(100_000))
			first, firstReader := dial(t, s.Addrs()[0])
			first.SetReadBuffer(4096)
			ask(t, first, "/scrape")
			if _, err := firstReader.Peek(1); err != nil {
				t.Fatal(err)
			}
			second, r := dial(t, s.Addrs()[0])
			ask(t, second, "/announce?"+libtorrentQuery)
			for deadline := time.Now().Add(20 * time.Second); s.Stats().Paused == 0; time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("goes on accepting")
				}
			}
			second.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
			if _, err := r.Peek(1); err == nil || s.Stats().Connections != 1 {
				t.Errorf("is answered: %v, %d connections", err, s.Stats().Connections)
			}
			if got := s.Stats(); got.Evicted != 0 {
				t.Errorf("%d evicted", got.Evicted)
			}
			second.SetReadDeadline(time.Now().Add(20 * time.Second))
			first.Close()
			response(t, r)
		})
	}
}

// TestManyClientsAtOnce mixes clients of all kinds, some of which go away early.
func TestManyClientsAtOnce(t *testing.T) {
	onEachEngine(t, func(t *testing.T, start starter) {
		const clients, rounds = 16, 30
		s := start(t, Options{}, standardTimeouts)
		done := make(chan error, clients)
		for i := range clients {
			go func() { done <- client(s.Addrs()[0].String(), i, rounds) }()
		}
		for range clients {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		eventually(t, s, 0)
		if got := s.Stats().Requests[ActionAnnounce][0].OK; got != clients*rounds {
			t.Errorf("%d announces", got)
		}
	})
}

// client announces rounds times, each time on a connection of its own and in
// its own way, and in between leaves connections alone.
func client(addr string, number, rounds int) error {
	for round := range rounds {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		message := libtorrentMessage
		if cut := (number + round) % 4 * 100; cut > 0 {
			io.WriteString(conn, message[:cut])
			message = message[cut:]
		}
		io.WriteString(conn, message)
		reply, err := io.ReadAll(conn)
		conn.Close()
		if err != nil || !bytes.HasPrefix(reply, []byte("HTTP/1.1 200 OK\r\n")) {
			return err
		}
		if early, err := net.Dial("tcp", addr); err == nil {
			io.WriteString(early, libtorrentMessage[:(number*round)%60])
			early.Close()
		}
	}
	return nil
}
