package bep15

import (
	"bytes"
	"strings"
	"testing"
)

func TestURLData(t *testing.T) {
	for _, tt := range []struct{ name, options, want string }{
		{"none", "", ""},
		{"one", "\x02\x09/announce", "/announce"},
		{"repeated", "\x02\x05/anno\x02\x04unce", "/announce"},
		{"no-ops between", "\x01\x02\x05/anno\x01\x01\x02\x04unce\x01", "/announce"},
		{"nothing after the end", "\x02\x01/\x00\x02\x01x", "/"},
		{"unknown skipped", "\x07\x03abc\x02\x01/\xff\x00\x02\x01x", "/x"},
		{"empty data", "\x02\x00", ""},
		{"type without length", "\x02\x01/\x02", "/"},
		{"data cut short", "\x02\x01/\x02\x05abcd", "/"},
		{"two stray zeros", "\x00\x00", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := URLData([]byte(tt.options)); got != tt.want {
				t.Errorf("URL data %q, want %q", got, tt.want)
			}
		})
	}
}

func TestParseOptionsStopsWhenAsked(t *testing.T) {
	var seen int
	for range ParseOptions([]byte("\x02\x01a\x02\x01b")) {
		seen++
		break
	}
	if seen != 1 {
		t.Errorf("%d options seen, want 1", seen)
	}
}

func TestAppendURLData(t *testing.T) {
	for _, tt := range []struct {
		name, url string
		size      int
	}{
		{"empty", "", 0},
		{"short", "/announce", 2 + 9},
		{"as long as one option carries", strings.Repeat("a", 255), 2 + 255},
		{"one byte longer", strings.Repeat("a", 256), 2 + 255 + 2 + 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			options := AppendURLData([]byte("before"), tt.url)[len("before"):]
			if len(options) != tt.size {
				t.Errorf("%d bytes of options, want %d", len(options), tt.size)
			}
			if got := URLData(options); got != tt.url {
				t.Errorf("read back %q, want %q", got, tt.url)
			}
		})
	}
}

// FuzzOptions reads any bytes as options, writes down what came out and reads
// that again: both must be the same.
func FuzzOptions(f *testing.F) {
	f.Add([]byte("\x02\x09/announce"))
	f.Add([]byte("\x01\x07\x03abc\x02\x01/\x00"))
	f.Add([]byte("\x02\x05abcd"))
	f.Fuzz(func(t *testing.T, options []byte) {
		var written []byte
		for typ, data := range ParseOptions(options) {
			written = append(written, byte(typ), byte(len(data)))
			written = append(written, data...)
		}
		var again []byte
		for typ, data := range ParseOptions(written) {
			again = append(again, byte(typ), byte(len(data)))
			again = append(again, data...)
		}
		if !bytes.Equal(again, written) {
			t.Errorf("%x became %x", written, again)
		}
		url := URLData(options)
		if got := URLData(AppendURLData(nil, url)); got != url {
			t.Errorf("URL data %q became %q", url, got)
		}
	})
}
