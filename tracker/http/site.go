package http

import (
	"net/netip"
	"strconv"
	"strings"
)

// site is what a browser has in its address bar, as far as a request tells. Name is
// empty if it does not, or names what can be no host; of a proxy's client, port is the
// scheme's if the proxy does not say.
type site struct {
	scheme, name string
	port         uint16
}

// forwardedProto is the header in which a proxy says whether its client has come over
// http or https. Everybody is believed: nobody but whoever sends it is shown what it
// leads to.
const forwardedProto = "X-Forwarded-Proto"

// site returns what a request was sent to.
func (q *request) site() site {
	s := site{scheme: "http", port: 80}
	proto, _, _ := strings.Cut(q.value(forwardedProto), ",")
	if q.secure || strings.EqualFold(strings.Trim(proto, " \t"), "https") {
		s.scheme, s.port = "https", 443
	}
	s.setHost(q.host())
	return s
}

// host returns the host that a request names: in its target, if that is in absolute
// form, or in its header.
func (q *request) host() string {
	if q.over != nil {
		return q.over.Host
	}
	line, _, _ := strings.Cut(strings.TrimLeft(q.head, "\r\n"), "\n")
	_, target, _ := strings.Cut(line, " ")
	target, _, _ = strings.Cut(target, " ")
	if _, rest, absolute := strings.Cut(target, "://"); absolute && target[0] != '/' {
		authority := rest[:len(rest)-len(strings.TrimLeftFunc(rest, inAuthority))]
		if named := authority[strings.LastIndexByte(authority, '@')+1:]; named != "" {
			return named
		}
	}
	return q.value("Host")
}

// value returns the first value of a header.
func (q *request) value(name string) string {
	if q.over != nil {
		return q.over.Header.Get(name)
	}
	_, rest, _ := cutLine(strings.TrimLeft(q.head, "\r\n"))
	for line, rest, whole := cutLine(rest); whole; line, rest, whole = cutLine(rest) {
		if n, value, _ := strings.Cut(line, ":"); strings.EqualFold(n, name) {
			return strings.Trim(value, " \t")
		}
	}
	return ""
}

// setHost takes in a name or an address that may have a port. Of what is neither, nothing
// is taken in.
func (s *site) setHost(host string) {
	name, port := host, ""
	if end := strings.LastIndexByte(host, ']'); strings.HasPrefix(host, "[") && end > 0 {
		addr, err := netip.ParseAddr(host[1:end])
		if err != nil || !addr.Is6() || addr.Zone() != "" {
			return
		}
		name, port = "["+addr.String()+"]", host[end+1:]
	} else {
		if i := strings.IndexByte(host, ':'); i >= 0 {
			name, port = host[:i], host[i:]
		}
		if !isHostName(name) {
			return
		}
	}
	if port != "" {
		n, err := strconv.ParseUint(port[1:], 10, 16)
		if port[0] != ':' || err != nil || n == 0 {
			return
		}
		s.port = uint16(n)
	}
	s.name = strings.ToLower(name)
}

// isHostName tells whether a text has the bytes and the length of a host's name, or of
// an IPv4 address.
func isHostName(name string) bool {
	for i := range len(name) {
		if c := name[i]; !isWord(c) && c != '.' {
			return false
		}
	}
	return len(name) > 0 && len(name) <= 253
}
