package http

import (
	"net/netip"
	"strings"
)

// The values of Forwarded (RFC 7239) are lists of elements, one a proxy, and
// these of pairs: for="[2001:db8::1]:4711";proto=https. Commas, semicolons and
// quotes may be in quoted strings. Both lists are read from the right, so that
// nothing that a client has written makes a difference to how the proxies'
// elements are read.

// lastSeparator returns the index of the last comma that is not in a quoted
// string, or -1.
func lastSeparator(list string) int { return lastUnquoted(list, ',') }

// parseElement reads the address in an element's pair `for`. ok is false if it
// has none, or several, or if the proxy hides the client (unknown, _name).
func parseElement(element string) (addr netip.Addr, ok bool) {
	for more := true; more; {
		pair := element
		i := lastUnquoted(element, ';')
		if more = i >= 0; more {
			element, pair = element[:i], element[i+1:]
		}
		name, value, isPair := strings.Cut(pair, "=")
		if !isPair || !strings.EqualFold(strings.Trim(name, " \t"), "for") {
			continue
		}
		if ok {
			return addr, false
		}
		value, readable := unquote(strings.Trim(value, " \t"))
		if addr, ok = parseNode(value); !ok || !readable {
			return addr, false
		}
	}
	return addr, ok
}

// lastUnquoted returns the index of the last c that is not in a quoted string,
// or -1.
func lastUnquoted(s string, c byte) int {
	quoted := false
	for i := len(s) - 1; i >= 0; i-- {
		switch {
		case s[i] == '"':
			quoted = !quoted || isEscaped(s[:i])
		case s[i] == c && !quoted:
			return i
		}
	}
	return -1
}

// isEscaped tells whether what follows before, in a quoted string, is escaped.
func isEscaped(before string) bool {
	return (len(before)-len(strings.TrimRight(before, `\`)))%2 == 1
}

// unquote returns what a token or quoted string stands for.
func unquote(s string) (value string, ok bool) {
	inner, quoted := strings.CutPrefix(s, `"`)
	if !quoted {
		return s, !strings.ContainsAny(s, `"\`)
	}
	if inner, ok = strings.CutSuffix(inner, `"`); !ok || isEscaped(inner) {
		return "", false
	}
	if !strings.ContainsAny(inner, `"\`) {
		return inner, true
	}
	var plain strings.Builder
	for i := 0; i < len(inner); i++ {
		switch inner[i] {
		case '"':
			return "", false // what follows is another string
		case '\\':
			i++ // there is one more, or the last quote would be escaped
		}
		plain.WriteByte(inner[i])
	}
	return plain.String(), true
}
