package nats

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"

	"keeptrack/livesync/transport"
)

// all is the token of packets for all. Names have at least one hyphen and differ from it.
const all = "all"

// maxName is the length of the longest name of a member.
const maxName = 64

// names are the subjects of a group, as one member uses them.
type names struct {
	prefix string // the group's subject and a dot
	own    string // the subject of packets for this member
}

// newNames draws this member's name: the first label of the host's name, a hyphen and 16
// hexadecimal digits.
func newNames(group, host string) names {
	host, _, _ = strings.Cut(host, ".")
	host = strings.Map(func(r rune) rune {
		if r < 0x80 && inName(byte(r)) {
			return r
		}
		return -1
	}, host)
	if host == "" {
		host = "keeptrack"
	}
	drawn := make([]byte, 8)
	_, _ = rand.Read(drawn) // which does not fail
	prefix := group + "."
	return names{prefix, prefix + host[:min(len(host), maxName-17)] + "-" + hex.EncodeToString(drawn)}
}

// inName reports whether a name may have a byte: it must be safe to print and must not
// make another subject of the one that it is part of.
func inName(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '-' || b == '_'
}

// isName reports whether a member may have this name.
func isName(s string) bool {
	for i := range len(s) {
		if !inName(s[i]) {
			return false
		}
	}
	return len(s) <= maxName && strings.Contains(s, "-")
}

// subject returns the subject of packets for a member or for all.
func (n *names) subject(to transport.Endpoint) (string, error) {
	if to == transport.All {
		return n.prefix + all, nil
	}
	if name := to.String(); isName(name) {
		return n.prefix + name, nil
	}
	return "", fmt.Errorf("live sync: no member is named %q", to)
}

// unknown is who sent a packet without a name to answer to. It is none itself.
var unknown = transport.Named("?")

// sender returns the member whose subject is reply, and whether it is one.
func (n *names) sender(reply string) (transport.Endpoint, bool) {
	if name, ok := strings.CutPrefix(reply, n.prefix); ok && isName(name) {
		return transport.Named(name), true
	}
	return unknown, false
}
