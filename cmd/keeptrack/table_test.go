package main

import (
	"strings"
	"testing"
	"time"
)

func TestTable(t *testing.T) {
	for _, c := range []struct {
		name string
		rows table
		want string
	}{
		{"nothing", nil, ""},
		{"numbers at the right", table{{"NAME", "PEERS"}, {"a", "12"}, {"long name", "3"}}, "NAME       PEERS\na             12\nlong name      3\n"},
		{"numbers and text", table{{"x", "12"}, {"y", "many"}}, "x  12\ny  many\n"},
		{"one row", table{{"7", "8"}}, "7  8\n"},
		{"no space at the end", table{{"a", ""}, {"bb", "c"}}, "a\nbb  c\n"},
		{"what is not to be seen", table{{"\x1b[2J"}}, "\\x1b[2J\n"},
		{"letters of two bytes", table{{"µTorrent", "1"}, {"x", "2"}}, "µTorrent  1\nx         2\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			if err := c.rows.print(&out); err != nil || out.String() != c.want {
				t.Errorf("got %q, want %q, %v", out.String(), c.want, err)
			}
		})
	}
}

func TestSizesAndAges(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 5 << 30: "5.0 GiB", 3 << 50: "3072.0 TiB"} {
		if got := size(n); got != want {
			t.Errorf("%d bytes are %q, want %q", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		1500 * time.Millisecond: "1s", 61 * time.Minute: "1h1m", 47 * time.Hour: "47h0m", 73 * time.Hour: "3d1h",
	} {
		if got := age(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
