package otstats

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"keeptrack/tracker"
)

// source has the torrents given, in order of info hash.
type source struct {
	numbers Numbers
	err     error
	rows    []tracker.Scraped
	records []tracker.Record
}

func (s *source) Numbers() (Numbers, error) { return s.numbers, s.err }

func (s *source) ScrapeAll() iter.Seq[tracker.Scraped] { return slices.Values(s.rows) }

func (s *source) Records(tracker.InfoHash) iter.Seq[tracker.Record] { return slices.Values(s.records) }

func hash(first byte, last byte) (h tracker.InfoHash) {
	copy(h[:], "?AZ_az09$-./=~ %+\"\x7f")
	h[0], h[19] = first, last
	return h
}

func testSource() *source {
	s := &source{numbers: Numbers{
		TrackerID: 4000000001, Version: "1.2.3", Uptime: 7300, Torrents: 21, Peers: 22, Seeds: 23, Completed: 24,
		TCPAccepts: 7301, TCPAnnounces: 7302, TCPScrapes: 7303,
		UDPPackets: 14601, UDPConnects: 14602, UDPAnnounces: 14603, UDPScrapes: 14604, UDPMismatches: 45, Synced: 46,
	}}
	for i := range s.numbers.Renewed {
		s.numbers.Renewed[i] = uint64(100 + i)
	}
	for i := range s.numbers.Errors {
		s.numbers.Errors[i] = uint64(200 + i)
	}
	s.rows = []tracker.Scraped{
		{InfoHash: hash('a', 1), Counts: tracker.Counts{Leechers: 3}},
		{InfoHash: hash('a', 2), Counts: tracker.Counts{Seeders: 2, Leechers: 1, Downloaded: 1 << 40}},
		{InfoHash: hash('a', 3)},
		{InfoHash: hash(0xfe, 1), Counts: tracker.Counts{Seeders: 1, Leechers: 2, Downloaded: 3}},
	}
	s.records = []tracker.Record{
		{InfoHash: hash('a', 1), LastAnnounce: 1},
		{InfoHash: hash('a', 2), LastAnnounce: 29928332, Downloaded: 1 << 40},
	}
	return s
}

// ask sends a request and returns the answer with a body that is read.
func ask(t *testing.T, s Source, query string) (status int, header http.Header, body string) {
	t.Helper()
	w := httptest.NewRecorder()
	Handler(s).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/stats"+query, nil))
	return w.Code, w.Header(), w.Body.String()
}

// tailHex is what the info hashes of the test source have between their first
// and last byte.
const tailHex = "415A5F617A3039242D2E2F3D7E20252B227F"

func TestModes(t *testing.T) {
	a1, a2, a3, fe := "61"+tailHex+"01", "61"+tailHex+"02", "61"+tailHex+"03", "FE"+tailHex+"01"
	url := "AZ_az09$-./=~%20%25%2b%22%7f"
	raw := "AZ_az09$-./=~ %+\"\x7f"
	for query, want := range map[string]string{
		"":                "22\n23\nopentracker serving 21 torrents\nopentracker",
		"?mode=peer":      "22\n23\nopentracker serving 21 torrents\nopentracker",
		"?mode=torr":      "21\n0\nopentracker serving 21 torrents\nopentracker",
		"?mode=conn":      "21902\n36507\n7300 seconds (2 hours)\nopentracker connections, 3 conns/s :: 5 success/s.",
		"?mode=scrp":      "7303\n14604\n7300 seconds (2 hours)\nopentracker scrape stats, 3 scrape/s (tcp and udp)",
		"?mode=udp4":      "14601\n29205\n7300 seconds (2 hours)\nopentracker udp4 stats, 2 conns/s :: 4 success/s.",
		"?mode=tcp4":      "7301\n7302\n7300 seconds (2 hours)\nopentracker tcp4 stats, 1 conns/s :: 1 success/s.",
		"?mode=completed": "24\n0\n7300 seconds (2 hours)\nopentracker, 12 completed/h.",
		"?mode=syncs":     "46\n0\n7300 seconds (2 hours)\nopentracker connections, 3 conns/s :: 5 success/s.",
		"?mode=version":   "keeptrack 1.2.3\n",
		"?mode=herr":      "302 RED 200\n400 ... 201\n400 PAR 202\n400 COM 203\n403 IP  206\n404 INV 207\n500 SRV 208\n",
		"?mode=top10": "Top 10 torrents by peers:\n\t3\t" + a1 + "\n\t3\t" + a2 + "\n\t3\t" + fe + "\n" +
			"Top 10 torrents by seeds:\n\t2\t" + a2 + "\n\t1\t" + fe + "\n",
		"?mode=tpbs&format=txt":  a1 + ":0:3\n" + a2 + ":2:1\n" + a3 + ":0:0\n" + fe + ":1:2\n",
		"?mode=tpbs&format=txtp": a1 + ":0:3:0\n" + a2 + ":2:1:1099511627776\n" + a3 + ":0:0:0\n" + fe + ":1:2:3\n",
		"?mode=tpbs&format=url": "a" + url + "%01:0:3\na" + url + "%02:2:1\na" + url + "%03:0:0\n%fe" +
			url + "%01:1:2\n",
		"?mode=tpbs&format=bin": "a" + raw + "\x01\x00\x00\x00\x00\x00\x00\x00\x03a" + raw +
			"\x02\x00\x00\x00\x02\x00\x00\x00\x01a" + raw + "\x03\x00\x00\x00\x00\x00\x00\x00\x00\xfe" + raw +
			"\x01\x00\x00\x00\x01\x00\x00\x00\x02",
		"?mode=statedump":            a1 + ":1:0\n" + a2 + ":29928332:1099511627776\n",
		"?mode=statedump&format=txt": a1 + ":1:0\n" + a2 + ":29928332:1099511627776\n",
		"?mode=tpbs&mode=torr":       "21\n0\nopentracker serving 21 torrents\nopentracker",
		"?other=1&format=bin":        "22\n23\nopentracker serving 21 torrents\nopentracker",
	} {
		t.Run(query, func(t *testing.T) {
			status, header, body := ask(t, testSource(), query)
			if status != http.StatusOK || body != want {
				t.Errorf("%d\n%q, want\n%q", status, body, want)
			}
			if header.Get("Connection") != "close" || header.Get("Content-Type") != "text/plain" {
				t.Errorf("%v", header)
			}
		})
	}
}

func TestBencodeIsAFullScrape(t *testing.T) {
	_, _, body := ask(t, testSource(), "?mode=tpbs&format=ben")
	if !strings.HasPrefix(body, "d5:filesd20:aAZ_az") ||
		!strings.HasSuffix(body, "d8:completei1e10:downloadedi3e10:incompletei2eeee") || strings.Count(body, "20:") != 4 {
		t.Errorf("%q", body)
	}
}

func TestEveryIntervalIsListed(t *testing.T) {
	_, _, body := ask(t, testSource(), "?mode=renew")
	if !strings.HasPrefix(body, "00 100\n01 101\n") || !strings.HasSuffix(body, "\n44 144\n") || strings.Count(body, "\n") != 45 {
		t.Errorf("%q", body)
	}
}

func TestTopKeepsTheFirst(t *testing.T) {
	s := &source{}
	for i := range 300 {
		h := hash(byte(i), 1)
		h[1] = byte(i >> 8)
		s.rows = append(s.rows, tracker.Scraped{InfoHash: h, Counts: tracker.Counts{Seeders: uint32(i * 7 % 300)}})
	}
	_, _, body := ask(t, s, "?mode=top100")
	lines := strings.Split(body, "\n")
	if len(lines) != 203 || !strings.HasPrefix(lines[1], "\t299\t") || !strings.HasPrefix(lines[100], "\t200\t") ||
		lines[101] != "Top 100 torrents by seeds:" || lines[102] != lines[1] {
		t.Errorf("%d lines:\n%s", len(lines), body)
	}
}

func TestTheFirstSecondCountsAsOne(t *testing.T) {
	s := testSource()
	s.numbers.Uptime = 0
	_, _, body := ask(t, s, "?mode=tcp4")
	if want := "7301\n7302\n0 seconds (0 hours)\nopentracker tcp4 stats, 7301 conns/s :: 7302 success/s."; body != want {
		t.Errorf("%q, want %q", body, want)
	}
}

func TestWhatMakesNoSenseIsRefused(t *testing.T) {
	for _, query := range []string{
		"?mode=", "?mode=nonsense", "?mode=nonsense&mode=peer", "?mode=tpbs", "?mode=tpbs&format=", "?mode=peer&format=xml",
		"?mode=%zz",
	} {
		status, header, body := ask(t, testSource(), query)
		if status != http.StatusBadRequest || body != "<title>Invalid Request</title>\n" || header.Get("Content-Type") != "text/html" {
			t.Errorf("%s: %d %q", query, status, body)
		}
	}
}

func TestNoNumbersYet(t *testing.T) {
	s := &source{err: errors.New("loading the database")}
	for _, query := range []string{"", "?mode=everything", "?mode=statedump"} {
		if status, _, body := ask(t, s, query); status != http.StatusServiceUnavailable || body != "loading the database\n" {
			t.Errorf("%s: %d %q", query, status, body)
		}
	}
}

func TestDumpIsCompressedOnDemand(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/stats?mode=statedump", nil)
	r.Header.Set("Accept-Encoding", "deflate, gzip")
	w := httptest.NewRecorder()
	Handler(testSource()).ServeHTTP(w, r)
	zip, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(zip)
	_, _, want := ask(t, testSource(), "?mode=statedump")
	if err != nil || string(body) != want || w.Header().Get("Content-Encoding") != "gzip" {
		t.Errorf("%q %v, want %q", body, err, want)
	}
}

// crowdSize is the number of torrents of a crowd.
const crowdSize = 400_000

// crowd is a source with many torrents.
type crowd struct {
	source
	read int // torrents
}

func (c *crowd) ScrapeAll() iter.Seq[tracker.Scraped] {
	return func(yield func(tracker.Scraped) bool) {
		for c.read < crowdSize {
			c.read++
			if !yield(tracker.Scraped{InfoHash: tracker.InfoHash{byte(c.read >> 16), byte(c.read >> 8), byte(c.read)}}) {
				return
			}
		}
	}
}

// checked calls check before each write.
type checked struct {
	*httptest.ResponseRecorder
	check func(p []byte) error
}

func (c checked) Write(p []byte) (int, error) {
	if err := c.check(p); err != nil {
		return 0, err
	}
	return c.ResponseRecorder.Write(p)
}

func TestDumpReadsNoFartherThanItIsWritten(t *testing.T) {
	c := &crowd{}
	w := checked{ResponseRecorder: httptest.NewRecorder()}
	w.check = func(p []byte) error {
		const row = hashHex + len(":0:0\n")
		if written := w.Body.Len(); c.read*row-written > 2*chunkSize || len(p) > 2*chunkSize {
			t.Errorf("%d torrents read, %d bytes written, and now %d", c.read, written, len(p))
		}
		return nil
	}
	Handler(c).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/stats?mode=tpbs&format=txt", nil))
	if lines := bytes.Count(w.Body.Bytes(), []byte("\n")); lines != crowdSize {
		t.Errorf("%d lines", lines)
	}
}

const hashHex = 2 * len(tracker.InfoHash{})

func TestDumpIsCutOffWithItsClient(t *testing.T) {
	c := &crowd{}
	gone := checked{httptest.NewRecorder(), func([]byte) error { return errors.New("gone") }}
	defer func() {
		if recover() != http.ErrAbortHandler || c.read > chunkSize/hashHex+1 {
			t.Errorf("went on to torrent %d", c.read)
		}
	}()
	Handler(c).ServeHTTP(gone, httptest.NewRequest(http.MethodGet, "/stats?mode=tpbs&format=txt", nil))
}

// TestHeadReadsNoTorrent: its headers are those of GET.
func TestHeadReadsNoTorrent(t *testing.T) {
	for _, encoding := range []string{"", "gzip"} {
		c, w := &crowd{}, httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodHead, "/stats?mode=tpbs&format=txt", nil)
		r.Header.Set("Accept-Encoding", encoding)
		Handler(c).ServeHTTP(w, r)
		got := w.Result().Header
		if w.Code != http.StatusOK || got.Get("Content-Type") != "text/plain" || got.Get("Content-Encoding") != encoding || c.read > 0 {
			t.Errorf("encoding %q: status %d, %v, after %d shards", encoding, w.Code, got, c.read)
		}
	}
}

func FuzzParseQuery(f *testing.F) {
	for _, seed := range []string{"", "mode=peer", "mode=tpbs&format=txt", "mode=statedump&mode=x", "format=%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if q, ok := parseQuery(raw); ok != ((q.text == nil) != (q.dump == nil)) {
			t.Errorf("%q: %v %+v", raw, ok, q)
		}
	})
}
