package http

import "strings"

// query is what is left to read of a URL's raw query. It is read byte for
// byte, without the customs of HTML forms: '+' is a plus and ';' an ordinary
// byte, for clients escape the raw bytes of an info hash and nothing else.
type query string

// parameter is a query parameter that means something to the tracker.
type parameter uint8

const (
	paramOther parameter = iota
	paramInfoHash
	paramPort
	paramLeft
	paramEvent
	paramCompact
	paramNumWant
	paramPeerID
)

// longestName is room for the longest name of a parameter.
const longestName = len("info_hash")

// next takes the next parameter that has a '=' off the query and returns its
// name and value, both still escaped. ok is false at the end.
func (q *query) next() (name, value string, ok bool) {
	rest := string(*q)
	for rest != "" && !ok {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		name, value, ok = strings.Cut(pair, "=")
	}
	*q = query(rest)
	return name, value, ok
}

// namesTorrent tells whether a raw query has an info hash, of whatever form.
func namesTorrent(raw string) bool {
	q := query(raw)
	for name, _, ok := q.next(); ok; name, _, ok = q.next() {
		if parameterOf(name) == paramInfoHash {
			return true
		}
	}
	return false
}

// peerID returns the peer id in a raw query, and whether there is one of 20 bytes.
func peerID(raw string) (id [20]byte, ok bool) {
	q := query(raw)
	for name, value, more := q.next(); more; name, value, more = q.next() {
		if parameterOf(name) == paramPeerID {
			n, whole := unescape(id[:], value)
			return id, whole && n == len(id)
		}
	}
	return id, false
}

// parameterOf tells which parameter has the escaped name.
func parameterOf(name string) parameter {
	if strings.IndexByte(name, '%') < 0 {
		return lookup(name)
	}
	var plain [longestName]byte
	n, ok := unescape(plain[:], name)
	if !ok {
		return paramOther
	}
	return lookup(string(plain[:n]))
}

func lookup(name string) parameter {
	switch name {
	case "info_hash":
		return paramInfoHash
	case "port":
		return paramPort
	case "left":
		return paramLeft
	case "event":
		return paramEvent
	case "compact":
		return paramCompact
	case "numwant":
		return paramNumWant
	case "peer_id":
		return paramPeerID
	}
	return paramOther
}

// unescape writes the bytes that s stands for to dst and returns their number.
// ok is false if dst is too small for them.
func unescape(dst []byte, s string) (n int, ok bool) {
	for i := 0; i < len(s); n++ {
		if n == len(dst) {
			return n, false
		}
		dst[n], i = unescapeByte(s, i)
	}
	return n, true
}

// parseUint reads an escaped decimal number of at most limit, which is at
// least 9.
func parseUint(s string, limit uint64) (n uint64, ok bool) {
	for i := 0; i < len(s); {
		var c byte
		c, i = unescapeByte(s, i)
		digit := uint64(c - '0')
		if c < '0' || digit > 9 || n > (limit-digit)/10 {
			return 0, false
		}
		n = n*10 + digit
	}
	return n, s != ""
}

// unescapeByte returns the byte that s has at i and the index after it. A '%'
// that two hexadecimal digits do not follow stands for itself.
func unescapeByte(s string, i int) (c byte, next int) {
	if s[i] == '%' && i+2 < len(s) {
		high, low := hexDigit(s[i+1]), hexDigit(s[i+2])
		if high < 16 && low < 16 {
			return high<<4 | low, i + 3
		}
	}
	return s[i], i + 1
}

// hexDigit returns the value of a hexadecimal digit of either case, and a
// value past 15 for any other byte.
func hexDigit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 0xff
}
