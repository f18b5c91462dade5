package main

import (
	"bytes"
	"os"
	"testing"

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
		total, done int64
		want        string
	}{
		{0, 0, "\r\x1b[Kcopying"},
		{0, 7 << 20, "\r\x1b[Kcopying 7 MiB"},
		{200, 50, "\r\x1b[Kcopying  25 %"},
		{200, 300, "\r\x1b[Kcopying 100 %"},
	} {
		var out bytes.Buffer
		p := progress{out: &out, what: "copying", total: c.total, done: c.done}
		p.show()
		if out.String() != c.want {
			t.Errorf("%d of %d: printed %q, want %q", c.done, c.total, &out, c.want)
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
