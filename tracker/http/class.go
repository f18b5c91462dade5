package http

// class is a set of the kinds of text that a byte may be part of (RFC 9110,
// RFC 9112).
type class uint8

const (
	inToken  class = 1 << iota // methods and names
	inTarget                   // request targets; also raw bytes that should have been escaped
	inValue                    // values of header fields
)

var classes = makeClasses()

func makeClasses() (table [256]class) {
	for i := range table {
		c := byte(i)
		if c > ' ' && c != 0x7f {
			table[c] |= inTarget
		}
		if c >= ' ' && c != 0x7f || c == '\t' {
			table[c] |= inValue
		}
		if isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' {
			table[c] |= inToken
		}
	}
	for _, c := range []byte("!#$%&'*+-.^_`|~") {
		table[c] |= inToken
	}
	return table
}

func isToken(s string) bool  { return s != "" && all(s, inToken) }
func isTarget(s string) bool { return s != "" && all(s, inTarget) }
func isValue(s string) bool  { return all(s, inValue) }

func all(s string, c class) bool {
	for i := range len(s) {
		if classes[s[i]]&c == 0 {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
