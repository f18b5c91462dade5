package http

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestQueryNext(t *testing.T) {
	tests := []struct {
		name, raw string
		want      []string // names and values in turn
	}{
		{"empty", "", nil},
		{"one", "a=b", []string{"a", "b"}},
		{"several", "a=b&c=d", []string{"a", "b", "c", "d"}},
		{"empty value", "a=", []string{"a", ""}},
		{"empty name", "=b", []string{"", "b"}},
		{"no equals sign", "a&b=c&d", []string{"b", "c"}},
		{"empty pairs", "&&a=b&&", []string{"a", "b"}},
		{"equals sign in the value", "a=b=c", []string{"a", "b=c"}},
		{"semicolon is no separator", "a=b;c=d", []string{"a", "b;c=d"}},
		{"question mark and hash", "?a=#b", []string{"?a", "#b"}},
		{"escapes stay", "%61=%26", []string{"%61", "%26"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			q := query(test.raw)
			for name, value, ok := q.next(); ok; name, value, ok = q.next() {
				got = append(got, name, value)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestUnescape(t *testing.T) {
	tests := []struct{ name, escaped, want string }{
		{"plain", "abc", "abc"},
		{"lower case", "%e2%7a", "\xe2z"},
		{"upper case", "%E2%7A", "\xe2z"},
		{"mixed case", "%eA%Ea", "\xea\xea"},
		{"zero byte", "a%00b", "a\x00b"},
		{"plus", "a+b", "a+b"},
		{"semicolon", "a;b", "a;b"},
		{"raw bytes", "\xff\x80", "\xff\x80"},
		{"stray percent sign", "%zz%4g%g4", "%zz%4g%g4"},
		{"percent sign at the end", "a%", "a%"},
		{"half an escape at the end", "a%4", "a%4"},
		{"percent sign before an escape", "%%41", "%A"},
		{"escaped percent sign", "%2541", "%41"},
		{"twelve bytes", "abcdefghijkl", "abcdefghijkl"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var dst [12]byte
			n, ok := unescape(dst[:], test.escaped)
			if got := string(dst[:n]); !ok || got != test.want {
				t.Errorf("got %q, %v, want %q", got, ok, test.want)
			}
		})
	}
	var small [2]byte
	if _, ok := unescape(small[:], "%61bc"); ok {
		t.Error("three bytes went into two")
	}
}

func TestParseUint(t *testing.T) {
	tests := []struct {
		value string
		limit uint64
		want  uint64
		ok    bool
	}{
		{"0", math.MaxUint16, 0, true},
		{"6881", math.MaxUint16, 6881, true},
		{"%36881", math.MaxUint16, 6881, true},
		{"65535", math.MaxUint16, 65535, true},
		{"65536", math.MaxUint16, 0, false},
		{"000000000000000000000000000000001", math.MaxUint16, 1, true},
		{"9223372036854775807", math.MaxUint64, math.MaxInt64, true},
		{"18446744073709551615", math.MaxUint64, math.MaxUint64, true},
		{"18446744073709551616", math.MaxUint64, 0, false},
		{"99999999999999999999999", math.MaxUint64, 0, false},
		{"", math.MaxUint64, 0, false},
		{"-1", math.MaxUint64, 0, false},
		{"+1", math.MaxUint64, 0, false},
		{" 1", math.MaxUint64, 0, false},
		{"1e9", math.MaxUint64, 0, false},
		{"0x10", math.MaxUint64, 0, false},
		{"1%00", math.MaxUint64, 0, false},
		{"1:", math.MaxUint64, 0, false},
	}
	for _, test := range tests {
		got, ok := parseUint(test.value, test.limit)
		if ok != test.ok || (ok && got != test.want) {
			t.Errorf("%q up to %d: got %d, %v, want %d, %v", test.value, test.limit, got, ok, test.want, test.ok)
		}
	}
}

func TestParameterOf(t *testing.T) {
	tests := []struct {
		name string
		want parameter
	}{
		{"info_hash", paramInfoHash},
		{"info%5Fhash", paramInfoHash},
		{"%69%6e%66%6f%5f%68%61%73%68", paramInfoHash},
		{"info_has%68", paramInfoHash},
		{"Info_hash", paramOther},
		{"info_hash%", paramOther},
		{"%64ownloaded_and_more", paramOther},
		{"", paramOther},
		{"key", paramOther},
	}
	for _, test := range tests {
		if got := parameterOf(test.name); got != test.want {
			t.Errorf("%q: got %d, want %d", test.name, got, test.want)
		}
	}
}

func TestParsingDoesNotAllocate(t *testing.T) {
	var a announceRequest
	var s scrapeRequest
	raw := strings.Replace(libtorrentQuery, "left=", "lef%74=", 1)
	if allocs := testing.AllocsPerRun(100, func() {
		if a.parse(raw, requester{addr: addr1}) != FailureNone || s.parse(raw) != FailureNone {
			t.Error("not understood")
		}
	}); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// escapeAll escapes every byte, in upper or lower case by turns.
func escapeAll(s string) string {
	var b strings.Builder
	for i := range len(s) {
		format := "%%%02x"
		if i%2 == 1 {
			format = "%%%02X"
		}
		fmt.Fprintf(&b, format, s[i])
	}
	return b.String()
}

// FuzzQuery escapes names and values, and reads them back.
func FuzzQuery(f *testing.F) {
	f.Add("info_hash", "P$\xe2ze\xda", "left", "+;&=%")
	f.Add("", "", "%", "%41")
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2 string) {
		want := []string{name1, value1, name2, value2}
		raw := "stray&" + escapeAll(name1) + "=" + escapeAll(value1) + "&&" + escapeAll(name2) + "=" + escapeAll(value2)
		var got []string
		q := query(raw)
		for name, value, ok := q.next(); ok; name, value, ok = q.next() {
			got = append(got, unescaped(t, name), unescaped(t, value))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", raw, got, want)
		}
	})
}

// FuzzUnescape reads what nobody has escaped.
func FuzzUnescape(f *testing.F) {
	f.Add("%4%41+%zz%")
	f.Fuzz(func(t *testing.T, raw string) {
		plain := unescaped(t, raw)
		if !strings.Contains(raw, "%") && plain != raw {
			t.Errorf("%q became %q", raw, plain)
		}
		if again := unescaped(t, escapeAll(plain)); again != plain {
			t.Errorf("%q became %q", plain, again)
		}
	})
}

func unescaped(t *testing.T, s string) string {
	t.Helper()
	dst := make([]byte, len(s))
	n, ok := unescape(dst, s)
	if !ok {
		t.Fatalf("%q became longer", s)
	}
	return string(dst[:n])
}
