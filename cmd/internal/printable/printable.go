// Package printable makes text of others fit for a terminal. What a tracker, a
// peer or a file says may hold characters that move the cursor, end a line or
// turn the direction of writing: C0, DEL and C1 controls, and Unicode's bidi and
// other format characters.
package printable

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Text returns s on one line, with each character that is not to be seen, and
// each byte that is no UTF-8, escaped as in a Go string: \x1b, \u202e, \n.
func Text(s string) string {
	if strings.IndexFunc(s, hidden) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case hidden(r):
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		default:
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	return b.String()
}

// hidden reports whether a character is not to be seen. A space is.
func hidden(r rune) bool { return !strconv.IsPrint(r) }

// JSON writes v as a JSON value on a line of its own. Characters that are not to
// be seen are escaped: the value is the same.
func JSON(w io.Writer, v any) error {
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(v); err != nil {
		return err
	}
	var out []byte
	for _, r := range strings.TrimSuffix(b.String(), "\n") { // JSON is UTF-8, and has such characters in strings alone
		switch {
		case !hidden(r):
			out = utf8.AppendRune(out, r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	_, err := w.Write(append(out, '\n'))
	return err
}
