package tracker

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestParseInfoHash(t *testing.T) {
	const text = "5024e27a65da1e1ea6dc6a51168cb2d710cfc5e6"
	want := InfoHash{0x50, 0x24, 0xe2, 0x7a, 0x65, 0xda, 0x1e, 0x1e, 0xa6, 0xdc, 0x6a, 0x51, 0x16, 0x8c, 0xb2, 0xd7, 0x10, 0xcf, 0xc5, 0xe6}
	for _, s := range []string{text, strings.ToUpper(text)} {
		got, err := ParseInfoHash(s)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", text[:39], text + "0", text[:38] + "0g", " " + text[:39], text[:20]} {
		if got, err := ParseInfoHash(s); !errors.Is(err, ErrInfoHash) || got != (InfoHash{}) {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
}

func FuzzParseInfoHash(f *testing.F) {
	f.Add("5024e27a65da1e1ea6dc6a51168cb2d710cfc5e6")
	f.Add("5024")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := ParseInfoHash(s)
		if err == nil && h.String() != strings.ToLower(s) {
			t.Fatalf("%q becomes %v", s, h)
		}
		if err != nil && h != (InfoHash{}) {
			t.Fatalf("%q: %v beside %v", s, h, err)
		}
	})
}

func TestNextInfoHash(t *testing.T) {
	for _, c := range []struct {
		h, want InfoHash
		is      bool
	}{
		{InfoHash{}, InfoHash{19: 1}, true},
		{InfoHash{19: 0xff}, InfoHash{18: 1}, true},
		{InfoHash{0: 7, 18: 0xff, 19: 0xff}, InfoHash{0: 7, 17: 1}, true},
		{InfoHash{0: 1, 18: 0xff, 19: 0xff}, InfoHash{0: 1, 17: 1}, true},
		{InfoHash(slices.Repeat([]byte{0xff}, 20)), InfoHash{}, false},
	} {
		if got, is := c.h.Next(); got != c.want || is != c.is {
			t.Errorf("%v: %v, %v", c.h, got, is)
		}
	}
}
