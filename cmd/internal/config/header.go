package config

import (
	"errors"
	"slices"
	"strings"
)

// headerName is the name of a header of HTTP requests that the tracker does not
// use itself.
var headerName = kind[string]{decode: decodeHeaderName, encode: text.encode}

// usedHeaders are those that it does use.
var usedHeaders = []string{"Host", "Connection", "Content-Length", "Transfer-Encoding", "Accept-Encoding", "X-Forwarded-Proto"}

var errHeaderUsed = errors.New("must be a header that proxies name clients in: this one means something else")

func decodeHeaderName(value any) (string, error) {
	const want = `the name of a header such as "X-Forwarded-For"`
	s, err := stringOf(want, value)
	if err != nil {
		return "", err
	}
	if s == "" || strings.IndexFunc(s, notInToken) >= 0 {
		return "", wrong(want, value)
	}
	if slices.ContainsFunc(usedHeaders, func(used string) bool { return strings.EqualFold(s, used) }) {
		return "", errHeaderUsed
	}
	return s, nil
}

// notInToken tells whether r can be no part of a name (RFC 9110, section 5.6.2).
func notInToken(r rune) bool {
	isLetter := 'a' <= r|0x20 && r|0x20 <= 'z'
	return !isLetter && (r < '0' || r > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}
