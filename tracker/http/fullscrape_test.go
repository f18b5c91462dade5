package http

import (
	"bufio"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

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
		if row, ok := files[string(h[:])].(dict); !ok || row["downloaded"] != int64(i)+1 {
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
	ask(t, conn, "/scrape")
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
		if took <= standardTimeouts.write {
			t.Errorf("took only %v", took)
		}
		checkFullScrape(t, body, n)
	})
}

// TestFullScrapeTooSlow takes each part in time, but not all of them.
func TestFullScrapeTooSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := servePipes(t, Options{FullScrape: true}, filledTracker(20_000))
		body, took := readSlowly(t, s.dial(t), standardTimeouts.write/10)
		if strings.HasSuffix(body, scrapeEnd) || took < standardTimeouts.write || took > 2*standardTimeouts.write {
			t.Errorf("%d bytes after %v, which end with %q", len(body), took, body[len(body)-len(scrapeEnd):])
		}
		synctest.Wait() // for the handler
		if n := s.service.handler.fullScrapes.n; n != 0 {
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
			askAs(t, conns[i], "/scrape", fmt.Sprintf("X-Forwarded-For: 192.0.2.%d\r\n", i))
		}
		synctest.Wait() // all wait for their reader
		conn := s.dial(t)
		r := bufio.NewReader(conn)
		ask(t, conn, "/scrape")
		if _, body := response(t, r); mustDict(t, body)["failure reason"] != FailureFullScrapeBusy.Text() {
			t.Errorf("got %.100q", body)
		}
		conns[0].Close()
		synctest.Wait()
		ask(t, conn, "/scrape")
		_, body := response(t, r)
		checkFullScrape(t, body, 5000)
	})
}

// TestOneFullScrapeForEachClient has another one refused while one is under way.
func TestOneFullScrapeForEachClient(t *testing.T) {
	for _, c := range []struct {
		name, first, second string
		busy                bool
	}{
		{"same address", "192.0.2.1", "192.0.2.1", true},
		{"another address", "192.0.2.1", "192.0.2.2", false},
		{"same IPv6 network", "2001:db8::1", "2001:db8::2", true},
		{"another IPv6 network", "2001:db8::1", "2001:db8:0:1::1", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := servePipes(t, Options{FullScrape: true}, filledTracker(5000))
				first, second := s.dial(t), s.dial(t)
				askAs(t, first, "/scrape", "X-Forwarded-For: "+c.first+"\r\n")
				synctest.Wait() // for its reader
				askAs(t, second, "/scrape", "X-Forwarded-For: "+c.second+"\r\n")
				_, body := response(t, bufio.NewReader(second))
				if got := strings.Contains(body, FailureFullScrapeBusy.Text()); got != c.busy {
					t.Errorf("refused: %v, want %v", got, c.busy)
				}
			})
		})
	}
}

func TestFullScrapeEncodings(t *testing.T) {
	for _, c := range []struct{ accept, want string }{
		{"", ""},
		{"Accept-Encoding: gzip, deflate, br\r\n", "gzip"},
		{"Accept-Encoding: gzip;q=1.0, ZSTD;q=0.5\r\n", "zstd"},
		{"Accept-Encoding: br\r\nAccept-Encoding: x-gzip\r\n", "gzip"},
		{"Accept-Encoding: gzip ; q=0.000, zstd;Q=0\r\n", ""},
		{"Accept-Encoding: identity, *, ;q=1,,\r\n", ""},
	} {
		t.Run(c.accept, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := servePipes(t, Options{FullScrape: true}, filledTracker(5000))
				conn := s.dial(t)
				askAs(t, conn, "/scrape", c.accept)
				resp, body := response(t, bufio.NewReader(conn))
				if got := resp.Header.Get("Content-Encoding"); got != c.want || resp.Header.Get("Vary") != "Accept-Encoding" {
					t.Errorf("header %v", resp.Header)
				}
				checkFullScrape(t, decode(t, c.want, body), 5000)
			})
		})
	}
}

// decode undoes a content encoding.
func decode(t *testing.T, encoding, body string) string {
	t.Helper()
	var r io.Reader = strings.NewReader(body)
	var err error
	switch encoding {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "zstd":
		r, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
	}
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestOthersAreNotEncoded: small replies gain nothing.
func TestOthersAreNotEncoded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := servePipes(t, Options{FullScrape: true}, newTracker())
		conn := s.dial(t)
		askAs(t, conn, "/announce?"+libtorrentQuery, "Accept-Encoding: gzip\r\n")
		resp, body := response(t, bufio.NewReader(conn))
		if resp.Header.Get("Content-Encoding") != "" || !strings.HasPrefix(body, "d8:complete") {
			t.Errorf("header %v, %q", resp.Header, body)
		}
	})
}

func TestStopLetsARequestFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := servePipes(t, Options{FullScrape: true}, filledTracker(5000))
		conn := s.dial(t)
		ask(t, conn, "/scrape")
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
		ask(t, s.dial(t), "/scrape") // and is not read
		idle := s.dial(t)
		ask(t, idle, "/announce?"+libtorrentQuery)
		response(t, bufio.NewReader(idle))
		synctest.Wait()
		began := time.Now()
		s.stop()
		<-s.stopped
		if got := time.Since(began); got != standardTimeouts.stop {
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
