package main

import (
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"keeptrack/tracker/bep15"
)

// hostile is what a tracker says to steer a terminal: C0, DEL and C1 controls, a
// line of its own, bidi and other format characters, and what is no UTF-8.
const hostile = "\x1b[2J\x1b]0;t\a\r\nkeeptrack: all is well\x7f\u009b2J\u202e\u2066\u200b\u2028\xff\x9b"

// saying listens and answers each connection's request with raw text.
func saying(t *testing.T, answer string) (host string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = conn.Read(make([]byte, 4096)) // one request
				_, _ = conn.Write([]byte(answer))    // the client says what it lacks
			}()
		}
	}()
	return l.Addr().String()
}

// body is an answer with a body.
func body(text string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(text), text)
}

// bencoded is a string as BEP 3 has it.
func bencoded(s string) string { return fmt.Sprintf("%d:%s", len(s), s) }

// TestHostileTracker: whatever a tracker says, the commands print text alone.
func TestHostileTracker(t *testing.T) {
	zone := "fe80::1%" + hostile
	answers := map[string]string{
		"failure":      body("d14:failure reason" + bencoded(hostile) + "e"),
		"warning":      body("d8:intervali1800e5:peers0:15:warning message" + bencoded(hostile) + "e"),
		"peer's zone":  body("d8:intervali1800e5:peersld2:ip" + bencoded(zone) + "4:porti1eeee"),
		"status":       "HTTP/1.1 404 " + strings.ReplaceAll(hostile, "\r\n", "") + "\r\nContent-Length: 0\r\n\r\n",
		"status line":  hostile + "\r\n\r\n",
		"no bencoding": body(hostile),
		"redirect":     "HTTP/1.1 302 Found\r\nLocation: http://t\u202e\u009b.invalid/\u202e\r\nContent-Length: 0\r\n\r\n",
		"bad redirect": "HTTP/1.1 302 Found\r\nLocation: x\x1b[2J:\u202e//\r\nContent-Length: 0\r\n\r\n",
		"files":        body("d5:filesd20:" + strings.Repeat("\x1b", 20) + "d8:complete" + bencoded(hostile) + "eeee"),
		"admin error":  "HTTP/1.1 503 " + "\u202e" + "\r\nContent-Length: " + strconv.Itoa(len(hostile)) + "\r\n\r\n" + hostile,
		"admin JSON":   "HTTP/1.1 503 x\r\nContent-Length: 36\r\n\r\n" + `{"error": "\u001b[2J\u202e\n\u009b"}` + "\n",
	}
	hash := hashOf("hostile").String()
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base := "http://" + saying(t, answer)
			for _, args := range [][]string{
				{"announce", base + "/announce", hash},
				{"announce", base + "/announce", hash, "--json"},
				{"scrape", base + "/announce", strings.Repeat("1b", 20)},
				{"scrape", base + "/announce", hash, "--json"},
				{"bench", base + "/announce", "--requests", "2", "--timeout", "1s", "--torrents", "1", "--peers", "1", "--sources", "1"},
				{"bench", base + "/announce", "--requests", "2", "--timeout", "1s", "--torrents", "1", "--peers", "1", "--sources", "1", "--json"},
				{"backup", filepath.Join(t.TempDir(), "out.db"), "--admin", base},
				{"db", "import", filepath.Join(t.TempDir(), "in.db"), base + "/stats?mode=statedump"},
			} {
				wantPrintable(t, args, keeptrack(args...))
			}
		})
	}
}

// TestHostileUDPTracker is TestHostileTracker over UDP, with an error's text.
func TestHostileUDPTracker(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		b := make([]byte, 2048)
		for {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			h, err := bep15.ParseRequestHeader(b[:n])
			if err != nil {
				continue
			}
			answer := bep15.ErrorReply{TransactionID: h.TransactionID, Text: hostile}.Append(nil)
			if h.Action == bep15.ActionConnect {
				answer = bep15.ConnectReply{TransactionID: h.TransactionID, ConnectionID: 1}.Append(nil)
			}
			_, _ = conn.WriteTo(answer, from) // the client asks again
		}
	}()
	url := "udp://" + conn.LocalAddr().String()
	for _, args := range [][]string{
		{"announce", url, hashOf("hostile").String()},
		{"scrape", url, hashOf("hostile").String()},
		{"bench", url, "--requests", "2", "--timeout", "1s", "--torrents", "1", "--peers", "1", "--sources", "1"},
		{"bench", url, "--requests", "2", "--timeout", "1s", "--torrents", "1", "--peers", "1", "--sources", "1", "--json"},
	} {
		got := keeptrack(args...)
		wantPrintable(t, args, got)
		if !strings.Contains(got.stdout+got.stderr, "all is well") {
			t.Errorf("%q prints nothing of what the tracker says: %q, %q", args, got.stdout, got.stderr)
		}
	}
}

// wantPrintable expects lines of text that can be seen, and none that the tracker
// has begun.
func wantPrintable(t *testing.T, args []string, got outcome) {
	t.Helper()
	for _, text := range []string{got.stdout, got.stderr} {
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			if strings.ContainsFunc(line, func(r rune) bool { return !strconv.IsPrint(r) }) || strings.ContainsRune(line, '\ufffd') {
				t.Errorf("%q prints %q", args, line)
			}
			if strings.HasPrefix(line, "keeptrack: all is well") {
				t.Errorf("%q has a line of the tracker's: %q", args, text)
			}
		}
	}
	if args[len(args)-1] == "--json" && got.stdout != "" && !json.Valid([]byte(got.stdout)) {
		t.Errorf("%q prints no JSON: %q", args, got.stdout)
	}
}
