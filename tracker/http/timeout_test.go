package http

import (
	"bufio"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

// untilClosed returns how long the server takes to close the connection.
func untilClosed(t *testing.T, r io.Reader) time.Duration {
	t.Helper()
	start := time.Now()
	if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
		t.Errorf("before the end: %q, %v", rest, err)
	}
	return time.Since(start)
}

func TestSlowHeaderIsCutOff(t *testing.T) {
	for name, header := range map[string]string{"nothing": "", "a part": "GET /announce HTTP/1.1\r\nHost:"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn := servePipes(t, Options{}, newTracker()).dial(t)
				if _, err := io.WriteString(conn, header); err != nil {
					t.Fatal(err)
				}
				if got := untilClosed(t, conn); got != 5*time.Second {
					t.Errorf("closed after %v", got)
				}
			})
		})
	}
}

func TestIdleConnectionIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := servePipes(t, Options{}, newTracker())
		conn := s.dial(t)
		r := bufio.NewReader(conn)
		for range 3 {
			ask(t, conn, "/announce?"+libtorrentQuery)
			response(t, r)
			time.Sleep(29 * time.Second)
		}
		if got := untilClosed(t, r); got != time.Second {
			t.Errorf("closed after 29s + %v", got)
		}
		synctest.Wait()
		if n := s.Stats().Connections; n != 0 {
			t.Errorf("%d connections", n)
		}
	})
}

func TestUnreadReplyIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := servePipes(t, Options{}, newTracker())
		ask(t, s.dial(t), "/announce?"+libtorrentQuery)
		synctest.Wait()
		if n := s.Stats().Connections; n != 1 {
			t.Errorf("%d connections at first", n)
		}
		time.Sleep(standardTimeouts.write)
		synctest.Wait()
		if n := s.Stats().Connections; n != 0 {
			t.Errorf("%d connections after %v", n, standardTimeouts.write)
		}
	})
}

// TestConnectionBeyondTheBoundEvicts: an idle one, then the one that is longest without a
// request; one that is being answered only when it does not read.
func TestConnectionBeyondTheBoundEvicts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := servePipes(t, Options{MaxConnections: 3}, newTracker())
		next := func() net.Conn { // once everybody has come to rest
			synctest.Wait()
			c := s.dial(t)
			synctest.Wait()
			return c
		}
		wantClosed := func(name string, c net.Conn) {
			t.Helper()
			if got := untilClosed(t, c); got != 0 {
				t.Errorf("the %s one is closed after %v", name, got)
			}
		}
		silent, idle, busy := next(), next(), next()
		ask(t, idle, "/announce?"+libtorrentQuery)
		response(t, bufio.NewReader(idle))
		ask(t, busy, "/announce?"+libtorrentQuery) // and does not read
		fourth := next()
		wantClosed("idle", idle)
		fifth := next()
		wantClosed("silent", silent)
		next()
		wantClosed("fourth", fourth)
		r := bufio.NewReader(fifth)
		ask(t, fifth, "/announce?"+libtorrentQuery)
		response(t, r)
		response(t, bufio.NewReader(busy))
		ask(t, busy, "/announce?"+libtorrentQuery) // and does not read this one
		ask(t, fifth, "/announce?"+libtorrentQuery)
		time.Sleep(slowAfter)
		response(t, r)
		next() // in place of the fifth, which is idle
		wantClosed("fifth", fifth)
		next()
		wantClosed("busy", busy)
		if got := s.Stats(); got.Connections != 3 || got.Evicted != 5 || got.Accepted != 8 {
			t.Errorf("counted %+v", got)
		}
	})
}

func TestStopWithAConnectionWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := servePipes(t, Options{MaxConnections: 1}, newTracker())
		ask(t, s.dial(t), "/announce?"+libtorrentQuery) // and does not read
		synctest.Wait()
		waiting := s.dial(t)
		synctest.Wait()
		s.stop()
		if got := untilClosed(t, waiting); got != 0 {
			t.Errorf("closed after %v", got)
		}
		<-s.stopped
	})
}

// TestStopAmidAFirstRequest: one of which a part has come has the usual time.
func TestStopAmidAFirstRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := servePipes(t, Options{}, newTracker())
		conn := s.dial(t)
		synctest.Wait()
		s.stop()
		synctest.Wait()
		io.WriteString(conn, libtorrentMessage[:20])
		time.Sleep(2 * standardTimeouts.first)
		io.WriteString(conn, libtorrentMessage[20:])
		if resp, _ := response(t, bufio.NewReader(conn)); resp.StatusCode != 200 || !resp.Close {
			t.Errorf("got %+v", resp)
		}
		<-s.stopped
	})
}

// TestStopAmidAReply has the connection wait for a request only after the stop.
func TestStopAmidAReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := servePipes(t, Options{}, newTracker())
		conn := s.dial(t)
		ask(t, conn, "/announce?"+libtorrentQuery)
		synctest.Wait()
		s.stop()
		synctest.Wait()
		r := bufio.NewReader(conn)
		if resp, _ := response(t, r); resp.Close {
			t.Errorf("the reply was made before: %+v", resp)
		}
		if got := untilClosed(t, r); got != 0 {
			t.Errorf("closed after %v", got)
		}
		<-s.stopped
	})
}

// poorListener fails for want of descriptors as often as told.
type poorListener struct {
	*pipeListener
	failures int
}

func (l *poorListener) Accept() (net.Conn, error) {
	if l.failures > 0 {
		l.failures--
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept", syscall.EMFILE)}
	}
	return l.pipeListener.Accept()
}

func TestAcceptingGoesOnWithoutDescriptors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged lockedBuffer
		l := &poorListener{newPipeListener(), 3}
		s := newServer(Options{Log: zerolog.New(&logged).Level(zerolog.InfoLevel)}, newTracker(), standardTimeouts, []net.Listener{l})
		runServer(t, s)
		conn := (&pipeServer{Server: s, listener: l.pipeListener}).dial(t)
		ask(t, conn, "/announce?"+libtorrentQuery)
		response(t, bufio.NewReader(conn))
		if got := s.Stats().Paused; got != 3 || logged.String() != "" {
			t.Errorf("paused %d times, logged %q", got, logged.String())
		}
	})
}
