package printable

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", "no such torrent", "no such torrent"},
		{"other scripts", "größer 日本", "größer 日本"},
		{"C0", "a\x1b[2Jb\a\x00", `a\x1b[2Jb\a\x00`},
		{"line ends", "a\r\nb\tc", `a\r\nb\tc`},
		{"DEL", "a\x7f", `a\x7f`},
		{"C1", "a\u009b2J", `a\u009b2J`},
		{"bidi override", "a\u202eb\u2066c\u200f", `a\u202eb\u2066c\u200f`},
		{"line separators", "a\u2028b\u2029c\u0085", `a\u2028b\u2029c\u0085`},
		{"zero width and soft hyphen", "a\u200b\ufeff\u00ad", `a\u200b\ufeff\u00ad`},
		{"tags", "a\U000e0041", `a\U000e0041`},
		{"no UTF-8", "a\xff\x9bb", `a\xff\x9bb`},
		{"the replacement character itself", "a\ufffd", "a\ufffd"},
		{"quotes and backslashes", `'a\`, `'a\`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Text(c.in); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// FuzzPrintable: what comes out can be printed, JSON means what went in, and
// text that can be printed stays as it is.
func FuzzPrintable(f *testing.F) {
	for _, s := range []string{"plain", "\x1b[2J\x7f\u009b", "\u202e\U000e0041", "\xff", `"\`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text := Text(s)
		if strings.ContainsFunc(text, hidden) || !utf8.ValidString(text) {
			t.Errorf("%q becomes %q", s, text)
		}
		if again := Text(text); again != text {
			t.Errorf("%q becomes %q the second time", text, again)
		}
		var b bytes.Buffer
		if err := JSON(&b, []string{s}); err != nil {
			t.Fatal(err)
		}
		line, ok := strings.CutSuffix(b.String(), "\n")
		if !ok || strings.ContainsFunc(line, func(r rune) bool { return !strconv.IsPrint(r) }) {
			t.Errorf("%q becomes %q", s, b.String())
		}
		var back []string
		if err := json.Unmarshal(b.Bytes(), &back); err != nil || len(back) != 1 || utf8.ValidString(s) && back[0] != s {
			t.Errorf("%q comes back as %q, %v", s, back, err)
		}
	})
}
