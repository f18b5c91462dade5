package http

import (
	"bufio"
	"io"
	"testing"
	"testing/synctest"
	"time"
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
		time.Sleep(standardLimits.write)
		synctest.Wait()
		if n := s.Stats().Connections; n != 0 {
			t.Errorf("%d connections after %v", n, standardLimits.write)
		}
	})
}

func TestConnectionsBeyondTheBoundWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := servePipes(t, Options{MaxConnections: 2}, newTracker())
		first, second := s.dial(t), s.dial(t)
		third := s.dial(t)
		answered := make(chan struct{})
		go func() {
			defer close(answered)
			ask(t, third, "/announce?"+libtorrentQuery)
			response(t, bufio.NewReader(third))
		}()
		for range 3 {
			ask(t, second, "/announce?"+libtorrentQuery)
			response(t, bufio.NewReader(second))
		}
		synctest.Wait()
		select {
		case <-answered:
			t.Error("three connections are served")
		default:
		}
		if n := s.Stats().Connections; n != 2 {
			t.Errorf("%d connections", n)
		}
		first.Close()
		<-answered
	})
}

func TestStopWithAConnectionWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := servePipes(t, Options{MaxConnections: 1}, newTracker())
		s.dial(t)
		waiting := s.dial(t)
		synctest.Wait()
		s.stop()
		if got := untilClosed(t, waiting); got != 0 {
			t.Errorf("closed after %v", got)
		}
		<-s.stopped
	})
}
