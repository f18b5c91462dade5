package http

import (
	"bufio"
	"crypto/sha1"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keeptrack/tracker"
)

// filledTracker knows n torrents with as many downloads as their number.
func filledTracker(n int) *tracker.Tracker {
	tr := newTracker()
	now := time.Now()
	for i := range n {
		tr.Load(tr.Instant(now), tracker.Record{
			InfoHash:     sha1.Sum(binary.BigEndian.AppendUint64(nil, uint64(i))),
			LastAnnounce: uint32(now.Unix() / 60),
			Downloaded:   uint64(i) + 1,
		})
	}
	return tr
}

// checkFullScrape checks that body has the torrents of filledTracker(n).
func checkFullScrape(t *testing.T, body string, n int) {
	t.Helper()
	files := mustDict(t, body)["files"].(dict)
	for i := range n {
		h := sha1.Sum(binary.BigEndian.AppendUint64(nil, uint64(i)))
		if row, ok := files[string(h[:])].(dict); !ok || row["downloaded"] != uint64(i)+1 {
			t.Fatalf("torrent %d: %q", i, row)
		}
	}
	if len(files) != n {
		t.Errorf("%d torrents instead of %d", len(files), n)
	}
}

func TestFullScrape(t *testing.T) {
	for _, n := range []int{0, 1, 5000} {
		for _, protocol := range []string{"HTTP/1.0", "HTTP/1.1"} {
			synctest.Test(t, func(t *testing.T) {
				s := servePipes(t, Options{FullScrape: true}, filledTracker(n))
				conn := s.dial(t)
				io.WriteString(conn, "GET /scrape "+protocol+"\r\nHost: tracker\r\nConnection: keep-alive\r\n\r\n")
				reply, err := io.ReadAll(conn) // to the end of the connection
				if err != nil {
					t.Fatal(err)
				}
				header, body, _ := strings.Cut(string(reply), "\r\n\r\n")
				if lower := strings.ToLower(header); strings.Contains(lower, "chunked") ||
					strings.Contains(lower, "transfer-encoding") || !strings.Contains(lower, "content-type: text/plain") {
					t.Errorf("%d torrents, %s: header %q", n, protocol, header)
				}
				checkFullScrape(t, body, n)
				if got := s.Stats().Requests[ActionFullScrape][tracker.IPv4]; got != (Results{OK: 1}) {
					t.Errorf("counted %+v", got)
				}
			})
		}
	}
}

// readSlowly reads a full scrape with a pause after each part, and returns what
// came and how long it took.
func readSlowly(t *testing.T, conn net.Conn, pause time.Duration) (body string, took time.Duration) {
	t.Helper()
	request(t, conn, "/scrape")
	var reply strings.Builder
	part := make([]byte, streamChunk+1<<10)
	for began := time.Now(); ; time.Sleep(pause) {
		n, err := conn.Read(part)
		reply.Write(part[:n])
		if err == io.EOF {
			_, body, _ = strings.Cut(reply.String(), "\r\n\r\n")
			return body, time.Since(began)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestSlowFullScrape reads hardly faster than has to be, for longer than a
// short reply may take in all.
func TestSlowFullScrape(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 60_000
		s := servePipes(t, Options{FullScrape: true}, filledTracker(n))
		body, took := readSlowly(t, s.dial(t), time.Second*streamChunk/streamRate)
		if took <= standardLimits.write {
			t.Errorf("took only %v", took)
		}
		checkFullScrape(t, body, n)
	})
}

// TestFullScrapeTooSlow takes each part in time, but not all of them.
func TestFullScrapeTooSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := servePipes(t, Options{FullScrape: true}, filledTracker(20_000))
		body, took := readSlowly(t, s.dial(t), standardLimits.write/10)
		if strings.HasSuffix(body, scrapeEnd) || took < standardLimits.write || took > 2*standardLimits.write {
			t.Errorf("%d bytes after %v, which end with %q", len(body), took, body[len(body)-len(scrapeEnd):])
		}
		if n := len(s.service.handler.fullScrapes); n != 0 {
			t.Errorf("%d full scrapes are under way", n)
		}
	})
}

func TestFullScrapesAtOnceAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := servePipes(t, Options{FullScrape: true}, filledTracker(5000))
		conns := make([]net.Conn, maxFullScrapes)
		for i := range conns {
			conns[i] = s.dial(t)
			request(t, conns[i], "/scrape")
		}
		synctest.Wait() // all wait for their reader
		conn := s.dial(t)
		r := bufio.NewReader(conn)
		request(t, conn, "/scrape")
		if _, body := response(t, r); mustDict(t, body)["failure reason"] != FailureFullScrapeBusy.Text() {
			t.Errorf("got %.100q", body)
		}
		conns[0].Close()
		synctest.Wait()
		request(t, conn, "/scrape")
		_, body := response(t, r)
		checkFullScrape(t, body, 5000)
	})
}

func TestStopLetsARequestFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := servePipes(t, Options{FullScrape: true}, filledTracker(5000))
		conn := s.dial(t)
		request(t, conn, "/scrape")
		r := bufio.NewReader(conn)
		if _, err := r.Peek(1); err != nil {
			t.Fatal(err)
		}
		s.stop()
		synctest.Wait()
		select {
		case <-s.stopped:
			t.Fatal("did not wait")
		default:
		}
		_, body := response(t, r)
		checkFullScrape(t, body, 5000)
		<-s.stopped
	})
}

func TestStopDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := servePipes(t, Options{FullScrape: true}, filledTracker(5000))
		request(t, s.dial(t), "/scrape") // and is not read
		idle := s.dial(t)
		request(t, idle, "/announce?"+libtorrentQuery)
		response(t, bufio.NewReader(idle))
		synctest.Wait()
		began := time.Now()
		s.stop()
		<-s.stopped
		if got := time.Since(began); got != standardLimits.stop {
			t.Errorf("took %v", got)
		}
		if n := s.Stats().Connections; n != 0 {
			t.Errorf("%d connections", n)
		}
		if _, err := idle.Write([]byte("GET")); err == nil {
			t.Error("connection is open")
		}
	})
}
