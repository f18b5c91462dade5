package main

import (
	"bytes"
	"os"
	"testing"
	"time"

	"keeptrack/cmd/testenv"
)

func TestProgressIsSilentInAPipe(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, "copying", 100)
	if n, err := p.Write(make([]byte, 50)); n != 50 || err != nil {
		t.Errorf("wrote %d, %v", n, err)
	}
	p.end()
	if out.Len() > 0 {
		t.Errorf("printed %q", &out)
	}
}

func TestProgressOnATerminal(t *testing.T) {
	for _, c := range []struct {
		unit        string
		total, done int64
		after       time.Duration
		want        string
	}{
		{"", 0, 0, 0, "\r\x1b[Kcopying"},
		{"", 0, 0, 12 * time.Second, "\r\x1b[Kcopying, 12s"},
		{"", 0, 7 << 20, time.Second / 2, "\r\x1b[Kcopying 7.0 MiB"},
		{"", 0, 8 << 20, 4 * time.Second, "\r\x1b[Kcopying 8.0 MiB, 2.0 MiB/s"},
		{"", 200, 50, time.Second / 2, "\r\x1b[Kcopying  25 %"},
		{"", 200, 300, time.Second / 2, "\r\x1b[Kcopying 100 %"},
		{"torrents", 1000, 100, 10 * time.Second, "\r\x1b[Kcopying  10 %, 10 torrents/s, 1m31s left"},
		{"torrents", 1000, 1000, 10 * time.Second, "\r\x1b[Kcopying 100 %, 100 torrents/s"},
	} {
		var out bytes.Buffer
		p := progress{out: &out, what: "copying", unit: c.unit, total: c.total, done: c.done, over: make(chan struct{})}
		p.show(p.began.Add(c.after))
		if out.String() != c.want {
			t.Errorf("%d of %d: printed %q, want %q", c.done, c.total, &out, c.want)
		}
		p.end()
		p.end()
		if out.String() != c.want+"\r\x1b[K" {
			t.Errorf("in the end %q", &out)
		}
	}
}

func TestIsTerminal(t *testing.T) {
	if isTerminal(&bytes.Buffer{}) {
		t.Error("a buffer is a terminal")
	}
	for name, want := range map[string]bool{os.DevNull: false, "/dev/ptmx": true} {
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		testenv.Need(t, "open "+name, err)
		defer f.Close()
		if got := isTerminal(f); got != want {
			t.Errorf("%s is a terminal: %v", name, got)
		}
	}
}
