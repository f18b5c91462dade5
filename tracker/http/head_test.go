package http

import (
	"reflect"
	"strings"
	"testing"
)

// libtorrentMessage is an announce as libtorrent 2.0.8 sends it.
const libtorrentMessage = "GET /announce?" + libtorrentQuery + " HTTP/1.1\r\nHost: tracker.example:6969\r\n" +
	"User-Agent: libtorrent/2.0.8.0\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"

func TestParseHead(t *testing.T) {
	const line = "GET /x?a=b HTTP/1.1\r\nHost: h\r\n"
	tests := []struct {
		name, in string
		want     head
	}{
		{"plain", line + "\r\n", head{keep: true}},
		{"close", line + "Connection: close\r\n\r\n", head{}},
		{"close in a list, any case", line + "CONNECTION: Upgrade ,\tCLOSE\r\n\r\n", head{}},
		{"close in the second line", line + "Connection: keep-alive\r\nConnection: close\r\n\r\n", head{}},
		{"close wins", line + "Connection: close, keep-alive\r\n\r\n", head{}},
		{"HTTP/1.0", "GET /x?a=b HTTP/1.0\r\n\r\n", head{oldHTTP: true}},
		{"HTTP/1.0 keep-alive", "GET /x?a=b HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", head{oldHTTP: true, keep: true}},
		{"HTTP/1.1 without a host", "GET /x?a=b HTTP/1.1\r\n\r\n", head{keep: true}},
		{"no version", "GET /x?a=b\r\n\r\n", head{oldHTTP: true, bare: true}},
		{"no version, with a space and a header", "GET /x?a=b \nHost: h\nConnection: keep-alive\n\n", head{oldHTTP: true, bare: true}},
		{"HTTP/0.9 as a version", "GET /x?a=b HTTP/0.9\r\n\r\n", head{oldHTTP: true}},
		{"later HTTP/1", "GET /x?a=b HTTP/1.2\r\nHost: h\r\n\r\n", head{keep: true}},
		{"no body", line + "Content-Length: 0\r\n\r\n", head{keep: true}},
		{"body", line + "content-length: 10\r\n\r\n", head{keep: true, body: true}},
		{"chunked body", line + "Transfer-Encoding: chunked\r\n\r\n", head{keep: true, body: true}},
		{"body of two lengths", line + "Content-Length: 5\r\nContent-Length: 0\r\n\r\n", head{keep: true, body: true}},
		{"forwarded", line + "X-Forwarded-For: 192.0.2.1, x\r\nx-forwarded-for:  192.0.2.2 \r\n\r\n",
			head{keep: true, forwarded: []string{"192.0.2.1, x", "192.0.2.2"}}},
		{"line feeds alone", strings.ReplaceAll(line, "\r", "") + "\n", head{keep: true}},
		{"empty lines before", "\r\n\n\r\n" + line + "\r\n", head{keep: true}},
		{"empty value", "GET /x?a=b HTTP/1.1\r\nHost:\r\nX:\r\n\r\n", head{keep: true}},
		{"raw bytes", line + "X: \xff\x80\t\r\n\r\n", head{keep: true}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var h head
			size, refusal := h.parse(test.in+"GET", "X-Forwarded-For")
			if size != len(test.in) || refusal != 0 {
				t.Fatalf("size %d, refusal %d", size, refusal)
			}
			got := head{oldHTTP: h.oldHTTP, bare: h.bare, keep: h.keep, body: h.body, forwarded: h.forwarded}
			if h.method != "GET" || h.target != "/x?a=b" || !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v", h)
			}
			for cut := range test.in {
				if size, refusal := h.parse(test.in[:cut], "X-Forwarded-For"); size != 0 || refusal != 0 {
					t.Fatalf("after %d bytes: size %d, refusal %d", cut, size, refusal)
				}
			}
		})
	}
}

func TestParseHeadRefuses(t *testing.T) {
	tests := []struct {
		name, in string
		want     int
	}{
		{"TLS", "\x16\x03\x01\x02\x00\x01", 400},
		{"BitTorrent", "\x13BitTorrent protocol", 400},
		{"zero byte", "\x00", 400},
		{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
		{"no version nor path", "GET x\r\n", 400},
		{"no version, with an address", "GET http://x/\r\n", 400},
		{"no version, with a method that HTTP/0.9 lacks", "POST /\r\n", 400},
		{"no target", "GET HTTP/1.1\r\n", 400},
		{"space in the target", "GET /announce? x HTTP/1.1\r\n", 400},
		{"two spaces", "GET  / HTTP/1.1\r\n", 400},
		{"zero byte in the target", "GET /\x00 HTTP/1.1\r\n", 400},
		{"carriage return in the target", "GET /\rx HTTP/1.1\r\n", 400},
		{"method that is no token", "G(T / HTTP/1.1\r\n", 400},
		{"unfinished version", "GET / HTTP/1\r\n", 400},
		{"lower case version", "GET / http/1.1\r\n", 400},
		{"version that is no number", "GET / HTTP/x.1\r\n", 400},
		{"version without a point", "GET / HTTP/1,1\r\n", 400},
		{"no minor version number", "GET / HTTP/1.x\r\n", 400},
		{"space after the version", "GET / HTTP/1.1 \r\n", 400},
		{"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
		{"folded line", "GET / HTTP/1.1\r\nHost: a\r\n b: c\r\n", 400},
		{"space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n", 400},
		{"no colon", "GET / HTTP/1.1\r\nHost\r\n", 400},
		{"no name", "GET / HTTP/1.1\r\n: a\r\n", 400},
		{"zero byte in a value", "GET / HTTP/1.1\r\nX: \x00\r\n", 400},
		{"carriage return in a value", "GET / HTTP/1.1\r\nX: a\rb\r\n", 400},
		{"negative length", "GET / HTTP/1.1\r\nContent-Length: -1\r\n", 400},
		{"list of lengths", "GET / HTTP/1.1\r\nContent-Length: 1, 1\r\n", 400},
		{"empty length", "GET / HTTP/1.1\r\nContent-Length:\r\n", 400},
		{"long target", "GET /" + strings.Repeat("x", maxHead), 431},
		{"no room for the end of the line", "GET /" + strings.Repeat("x", maxHead-len("GET /")), 431},
		{"long header", "GET / HTTP/1.1\r\nX: " + strings.Repeat("x", maxHead) + "\r\n", 431},
		{"nothing but empty lines", strings.Repeat("\r\n", maxEmptyLines+1), 400},
		{"many lines", "GET / HTTP/1.1\r\n" + strings.Repeat("a:\n", maxFields+1), 431},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var h head
			if size, refusal := h.parse(test.in, "X-Forwarded-For"); size != 0 || refusal != test.want {
				t.Errorf("size %d, refusal %d, want %d", size, refusal, test.want)
			}
		})
	}
}

func TestParseHeadSize(t *testing.T) {
	const start, end = "GET /x HTTP/1.1\r\nHost: x\r\nX: ", "\r\n\r\n"
	for size, want := range map[int]int{maxHead: 0, maxHead + 1: 431} {
		in := start + strings.Repeat("x", size-len(start)-len(end)) + end
		var h head
		if got, refusal := h.parse(in, "X-Forwarded-For"); refusal != want || want == 0 && got != size {
			t.Errorf("%d bytes: size %d, refusal %d", size, got, refusal)
		}
	}
}

// FuzzParseHead parses any bytes: what was refused stays so, whatever follows,
// a head is known by its last byte and no earlier, and what was read of it
// makes a head that reads the same.
func FuzzParseHead(f *testing.F) {
	f.Add(libtorrentMessage, 40)
	f.Add("GET http://h/ HTTP/1.0\nX-Forwarded-For: a\nConnection: keep-alive\n\n", 20)
	f.Add("POST / HTTP/1.1\r\nHost:\r\nContent-Length: 1\r\n\r\nx", 45)
	f.Add("\r\nPRI * HTTP/2.0\r\n\r\n", 3)
	f.Fuzz(func(t *testing.T, in string, cut int) {
		var h, early head
		size, refusal := h.parse(in, "X-Forwarded-For")
		cut = min(max(cut, 0), len(in))
		earlySize, earlyRefusal := early.parse(in[:cut], "X-Forwarded-For")
		if earlyRefusal != 0 && refusal == 0 || earlySize != 0 && earlySize != size || size > cut && earlySize != 0 {
			t.Fatalf("%d, %d after %d bytes, then %d, %d", earlySize, earlyRefusal, cut, size, refusal)
		}
		if size == 0 {
			return
		}
		again := head{}
		if n, refusal := again.parse(message(&h), "X-Forwarded-For"); n == 0 || refusal != 0 {
			t.Fatalf("%+v: %d", h, refusal)
		}
		if again.method != h.method || again.target != h.target || again.keep != h.keep || again.body != h.body ||
			again.oldHTTP != h.oldHTTP || strings.Join(again.forwarded, "\n") != strings.Join(h.forwarded, "\n") {
			t.Fatalf("got %+v, want %+v", again, h)
		}
	})
}

// message is the shortest text of a head.
func message(h *head) string {
	var b strings.Builder
	b.WriteString(h.method + " " + h.target + " HTTP/1.")
	if h.oldHTTP {
		b.WriteString("0\n")
	} else {
		b.WriteString("1\n")
	}
	if h.body {
		b.WriteString("Content-Length:1\n")
	}
	if h.keep != !h.oldHTTP {
		b.WriteString(map[bool]string{true: "Connection:keep-alive\n", false: "Connection:close\n"}[h.keep])
	}
	for _, value := range h.forwarded {
		b.WriteString("X-Forwarded-For:" + value + "\n")
	}
	return b.String() + "\n"
}
