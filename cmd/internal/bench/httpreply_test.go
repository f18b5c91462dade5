package bench

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestParseReply(t *testing.T) {
	long := strings.Repeat("x", maxReply+1)
	for _, c := range []struct {
		name     string
		data     string
		ended    bool
		body     string
		complete bool
		close    bool
		err      error
	}{
		{name: "kept alive", data: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nde", body: "de", complete: true},
		{name: "any case, no space", data: "HTTP/1.1 200 OK\r\ncontent-LENGTH:2\r\n\r\nde", body: "de", complete: true},
		{name: "no reason phrase", data: "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", complete: true},
		{name: "closed", data: "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nde", body: "de", complete: true, close: true},
		{name: "HTTP/1.0", data: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nde", body: "de", complete: true, close: true},
		{name: "HTTP/1.0 kept alive", data: "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nde", body: "de", complete: true},
		{name: "ends with the connection", data: "HTTP/1.0 200 OK\r\n\r\nde", ended: true, body: "de", complete: true, close: true},
		{name: "may go on", data: "HTTP/1.0 200 OK\r\n\r\nde"},
		{name: "nothing yet"},
		{name: "part of the header", data: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"},
		{name: "part of the body", data: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nd"},
		{name: "body cut off", data: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nd", ended: true, err: errCutOff},
		{name: "header cut off", data: "HTTP/1.1 200 OK\r\nContent", ended: true, err: errMalformed},
		{name: "body too long", data: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\ndee", err: errExcess},
		{name: "body without end", data: "HTTP/1.1 200 OK\r\n\r\n" + long, err: errTooLong},
		{name: "huge content length", data: "HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n", err: errTooLong},
		{name: "header without end", data: "HTTP/1.1 200 OK\r\nX: " + long, err: errMalformed},
		{name: "not found", data: "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", err: statusError(404)},
		{name: "chunks", data: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n", err: errChunked},
		{name: "content length no number", data: "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", err: errMalformed},
		{name: "content length empty", data: "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", err: errMalformed},
		{name: "status no number", data: "HTTP/1.1 2x0 OK\r\n\r\n", err: errMalformed},
		{name: "HTTP/2", data: "HTTP/2 200 OK\r\n\r\n", err: errMalformed},
		{name: "no HTTP", data: "220 smtp ready\r\n\r\n", err: errMalformed},
		{name: "empty line", data: "\r\n\r\n", err: errMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, complete, err := parseReply([]byte(c.data), c.ended)
			if string(r.body) != c.body || complete != c.complete || r.close != c.close || !errors.Is(err, c.err) {
				t.Errorf("got %q, close %v, complete %v, %v", r.body, r.close, complete, err)
			}
		})
	}
	if text := statusError(404).Error(); text != "HTTP status 404" {
		t.Errorf("a status reads %q", text)
	}
}

// FuzzParseReply holds that a reply is understood the same however it comes in
// pieces, and that nothing of it is made up.
func FuzzParseReply(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nde"))
	f.Add([]byte("HTTP/1.0 200 OK\r\n\r\nde"))
	f.Add([]byte("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		whole, complete, err := parseReply(data, false)
		if complete && !bytes.HasSuffix(data, whole.body) {
			t.Fatalf("the body %q is not the end of %q", whole.body, data)
		}
		if !complete || err != nil {
			return
		}
		for n := range data {
			if part, early, err := parseReply(data[:n], false); early && len(part.body) > 0 || err != nil {
				t.Fatalf("the first %d bytes of %q are taken for %q, %v", n, data, part.body, err)
			}
		}
	})
}

func TestCheckAnnounce(t *testing.T) {
	for _, c := range []struct {
		name, body string
		peers      int
		failure    string
		err        error
	}{
		{name: "no peers", body: "d8:intervali1800e5:peers0:e"},
		{name: "compact", body: "d8:completei1e8:intervali1800e5:peers12:aaaaaabbbbbbe", peers: 2},
		{name: "both families", body: "d8:intervali1800e5:peers6:aaaaaa6:peers618:bbbbbbbbbbbbbbbbbbe", peers: 2},
		{name: "dictionaries", body: "d8:intervali9e5:peersld2:ip9:192.0.2.14:porti1eed2:ip3:::14:porti2eeee", peers: 2},
		{name: "more keys", body: "d1:ad1:bli-1eee8:intervali9e5:peers0:1:zlee"},
		{name: "failure", body: "d14:failure reason7:refusede", failure: "refused"},
		{name: "failure with an interval", body: "d14:failure reason7:refused8:intervali9ee", failure: "refused"},
		{name: "failure without words", body: "d14:failure reason0:e", failure: ""},
		{name: "a part of a peer", body: "d8:intervali1800e5:peers7:aaaaaaae", err: errAnnounce},
		{name: "a part of an IPv6 peer", body: "d8:intervali1800e5:peers0:6:peers66:bbbbbbe", err: errAnnounce},
		{name: "no interval", body: "d5:peers0:e", err: errAnnounce},
		{name: "interval no number", body: "d8:interval1:95:peers0:e", err: errAnnounce},
		{name: "no peers at all", body: "d8:intervali1800ee", err: errAnnounce},
		{name: "a scrape", body: "d5:filesdee", err: errAnnounce},
		{name: "empty", body: "", err: errBencode},
		{name: "a list", body: "le", err: errBencode},
		{name: "text", body: "<html>", err: errBencode},
		{name: "cut off", body: "d8:intervali1800e5:peers12:aaaaaabbbb", err: errBencode},
		{name: "bytes after the end", body: "d8:intervali1800e5:peers0:e ", err: errBencode},
		{name: "number without end", body: "d8:intervali1800", err: errBencode},
		{name: "number without digits", body: "d8:intervalie5:peers0:e", err: errBencode},
		{name: "key no string", body: "di1e0:e", err: errBencode},
		{name: "huge length", body: "d99999999999999999999:", err: errBencode},
		{name: "nested too deep", body: "d1:a" + strings.Repeat("l", 99) + strings.Repeat("e", 99) + "e", err: errBencode},
		{name: "dictionaries nested too deep", body: "d1:a" + strings.Repeat("d1:a", 99), err: errBencode},
	} {
		t.Run(c.name, func(t *testing.T) {
			peers, failure, err := checkAnnounce([]byte(c.body))
			if peers != c.peers || string(failure) != c.failure || !errors.Is(err, c.err) {
				t.Errorf("got %d, %q, %v", peers, failure, err)
			}
			if strings.HasPrefix(c.name, "failure") && failure == nil {
				t.Error("the failure is not seen")
			}
		})
	}
}

func TestCheckScrape(t *testing.T) {
	const row = "20:aaaaaaaaaaaaaaaaaaaad8:completei1e10:downloadedi2e10:incompletei3ee"
	other := strings.Replace(row, "aaaa", "bbbb", 1)
	for _, c := range []struct {
		name, body string
		asked      int
		failure    string
		err        error
	}{
		{name: "a row", body: "d5:filesd" + row + "ee", asked: 1},
		{name: "flags", body: "d5:filesd" + row + other + "e5:flagsd20:min_request_intervali9eee", asked: 2},
		{name: "a row left out", body: "d5:filesd" + row + "ee", asked: 2},
		{name: "failure", body: "d14:failure reason7:refusede", asked: 1, failure: "refused"},
		{name: "a row too many", body: "d5:filesd" + row + other + "ee", asked: 1, err: errScrape},
		{name: "a short hash", body: "d5:filesd1:adeee", asked: 1, err: errScrape},
		{name: "row no dictionary", body: "d5:filesd20:aaaaaaaaaaaaaaaaaaaai1eee", asked: 1, err: errScrape},
		{name: "an announce", body: "d8:intervali1800e5:peers0:e", asked: 1, err: errScrape},
		{name: "files a list", body: "d5:fileslee", asked: 1, err: errBencode},
		{name: "cut off", body: "d5:filesd" + row + "e", asked: 1, err: errBencode},
	} {
		t.Run(c.name, func(t *testing.T) {
			failure, err := checkScrape([]byte(c.body), c.asked)
			if string(failure) != c.failure || !errors.Is(err, c.err) {
				t.Errorf("got %q, %v", failure, err)
			}
		})
	}
}

func TestHTTPPathAllocatesNothing(t *testing.T) {
	o := DefaultOptions()
	w := mustWriter(t, "http://127.0.0.1/announce", true)
	p, r := NewPlan(o.Load), Request{InfoHashes: make([]byte, 0, maxScrape*20)}
	buf, k := make([]byte, 0, 8192), uint64(0)
	reply := httpAnswer("d8:completei1e8:intervali1800e5:peers12:aaaaaabbbbbbe", "Connection: close\r\n")
	scrape := []byte("d5:filesd20:aaaaaaaaaaaaaaaaaaaad8:completei1eeee")
	n := testing.AllocsPerRun(1000, func() {
		p.Request(k, 0, &r)
		w.append(buf, &r)
		k++
		got, complete, err := parseReply(reply, false)
		if !complete || err != nil {
			t.Fatal(err)
		}
		if peers, _, err := checkAnnounce(got.body); peers != 2 || err != nil {
			t.Fatal(peers, err)
		}
		if _, err := checkScrape(scrape, 1); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%g allocations", n)
	}
}

// FuzzBody holds that no body is too much for the checks, and that what they
// take for a whole dictionary stays one with another key.
func FuzzBody(f *testing.F) {
	f.Add([]byte("d8:completei1e8:intervali1800e5:peers12:aaaaaabbbbbbe"))
	f.Add([]byte("d5:filesd20:aaaaaaaaaaaaaaaaaaaad8:completei1eeee"))
	f.Add([]byte("d14:failure reason7:refusede"))
	f.Fuzz(func(t *testing.T, body []byte) {
		peers, failure, err := checkAnnounce(body)
		if peers < 0 || peers > len(body) || len(failure) > len(body) {
			t.Fatalf("%q has %d peers, failure %q", body, peers, failure)
		}
		if err == nil {
			longer := append(bytes.Clone(body[:len(body)-1]), "1:~lee"...)
			if again, _, err := checkAnnounce(longer); again != peers || err != nil {
				t.Fatalf("%q has %d peers, %q %d, %v", body, peers, longer, again, err)
			}
		}
		_, _ = checkScrape(body, 1)
	})
}
