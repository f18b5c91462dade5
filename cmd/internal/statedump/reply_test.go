package statedump

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"
)

const dump = "000102030405060708090A0B0C0D0E0F10111213:29000000:7\n" +
	"141516171819IsNoHash0000000000000000:0:0\n"

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.String()
}

func zstandard(text string) string {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	return string(w.EncodeAll([]byte(text), nil))
}

// withHead puts a head with the length of the body in front of it.
func withHead(first, body string) string {
	return fmt.Sprintf("%sContent-Type: text/plain\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", first, len(body), body)
}

func TestText(t *testing.T) {
	long := strings.Repeat(dump, 10_000)
	for _, c := range []struct{ name, raw, want string }{
		{"nothing", "", ""},
		{"text", dump, dump},
		{"long text", long, long},
		{"text without an end of line", strings.TrimSuffix(dump, "\n"), strings.TrimSuffix(dump, "\n")},
		{"comment and empty line first", "# note: made by hand\n\n" + dump, "# note: made by hand\n\n" + dump},
		{"our own export and an empty line", strings.Repeat("0", 40) + "\t1\t2\n\n", strings.Repeat("0", 40) + "\t1\t2\n\n"},
		{"gzip", gzipped(dump), dump},
		{"two members of gzip", gzipped(dump) + gzipped(dump), dump + dump},
		{"zstd", zstandard(dump), dump},
		{"opentracker's reply", withHead("HTTP/1.0 200 OK\r\n", gzipped(dump)), dump},
		{"long reply", withHead("HTTP/1.0 200 OK\r\n", gzipped(long)), long},
		{"head that promises gzip, and text", withHead("HTTP/1.0 200 OK\r\n", dump), dump},
		{"no status line", withHead("", gzipped(dump)), dump},
		{"status line without a number", withHead("HTTP/1.0 OK\r\n", gzipped(dump)), dump},
		{"status line of zeros", withHead("\x00\x00\x00\x00\r\n", gzipped(dump)), dump},
		{"half a status line", withHead("0 200 OK\r\n", gzipped(dump)), dump},
		{"status line alone", "HTTP/1.1 200 OK\r\n\r\n" + dump, dump},
		{"lines that end with a newline alone", "HTTP/1.1 200 OK\nServer: x\n\n" + dump, dump},
		{"nothing after the head", withHead("HTTP/1.0 200 OK\r\n", ""), ""},
		{"more than the length", withHead("HTTP/1.0 200 OK\r\n", dump) + "more", dump},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n" + dump[:5] + "\r\n6\r\n" + dump[5:11] + "\r\n0\r\n\r\n", dump[:11]},
		{"chunked gzip", fmt.Sprintf("HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(gzipped(dump)), gzipped(dump)), dump},
	} {
		t.Run(c.name, func(t *testing.T) {
			for reader, raw := range map[string]io.Reader{
				"at once": strings.NewReader(c.raw),
				"in bits": iotest.OneByteReader(strings.NewReader(c.raw)),
			} {
				r, err := Text(raw)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := io.ReadAll(r); err != nil || string(got) != c.want {
					t.Errorf("%s: %q, %v; want %q", reader, got, err, c.want)
				}
			}
		})
	}
}

func TestTextRefuses(t *testing.T) {
	reply := withHead("HTTP/1.0 200 OK\r\n", gzipped(dump))
	bomb := gzipped(strings.Repeat("0", 1<<20))
	for _, c := range []struct {
		name, raw string
		want      error
		says      string
	}{
		{"bad request", withHead("HTTP/1.0 400 Invalid Request\r\n", "<title>Invalid Request</title>\n"), errStatus, `"400 Invalid Request"`},
		{"forbidden", "HTTP/1.1 403 Access Denied\r\n\r\n", errStatus, `"403 Access Denied"`},
		{"moved", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", errStatus, `"302 Found"`},
		{"control characters", "HTTP/1.1 500 \x1b[2J\r\nA: b\r\n\r\n", errStatus, `\x1b[2J`},
		{"cut off in the body", reply[:len(reply)-1], errCutOff, "missing: 1"},
		{"cut off after the head", reply[:len(reply)-len(gzipped(dump))], errCutOff, ""},
		{"gzip cut off", gzipped(dump)[:30], errCutOff, ""},
		{"gzip cut off in its head", gzipped(dump)[:5], errCutOff, ""},
		{"chunks cut off", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n" + dump, errCutOff, ""},
		{"more than is read", strings.Repeat("0", 1001), errText, "1000 bytes"},
		{"little that unpacks to much", withHead("HTTP/1.0 200 OK\r\n", bomb), errText, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := text(strings.NewReader(c.raw), 1000)
			if err == nil {
				_, err = io.Copy(io.Discard, r)
			}
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %v with %q", err, c.want, c.says)
			}
		})
	}
}

// FuzzText: whatever comes, no more is read than is allowed.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", dump, gzipped(dump), withHead("HTTP/1.0 200 OK\r\n", gzipped(dump)), withHead("", dump),
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n", zstandard(dump)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := text(bytes.NewReader(raw), 1000)
		if err != nil {
			return
		}
		if n, err := io.Copy(io.Discard, r); n > 1000 {
			t.Errorf("%d bytes, %v", n, err)
		}
	})
}
