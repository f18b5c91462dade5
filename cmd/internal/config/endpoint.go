package config

import (
	"errors"
	"net/netip"
	"path/filepath"
	"strings"
)

// Endpoint is where a server for streams listens: on an IP address and port,
// which may be 0 to let the system choose, or on a unix socket. The zero value
// is nowhere.
type Endpoint struct {
	AddrPort netip.AddrPort
	Unix     string // absolute path; if not empty, AddrPort is the zero value
}

// unixScheme is what an endpoint begins with that is a unix socket.
const unixScheme = "unix:"

// maxUnixPath is the longest path in bytes that every system takes for a socket.
const maxUnixPath = 103

var (
	errUnixPath   = errors.New(`must be an absolute path after "unix:", without . and .. in it`)
	errUnixLength = errors.New(`must have at most 103 bytes after "unix:"`)
)

// endpoint is an IP address and port, or a unix socket.
var endpoint = kind[Endpoint]{
	decode: func(value any) (Endpoint, error) {
		s, _ := value.(string)
		path, isUnix := strings.CutPrefix(s, unixScheme)
		switch {
		case !isUnix:
			a, err := decodeAddrPort(value)
			return Endpoint{AddrPort: a}, err
		case !filepath.IsAbs(path), filepath.Clean(path) != path:
			return Endpoint{}, errUnixPath
		case len(path) > maxUnixPath:
			return Endpoint{}, errUnixLength
		}
		return Endpoint{Unix: path}, nil
	},
	encode: encodeText[Endpoint],
}

// String returns the endpoint as the config has it.
func (e Endpoint) String() string {
	if e.Unix != "" {
		return unixScheme + e.Unix
	}
	return e.AddrPort.String()
}

// IsLocal reports whether nobody on another host reaches the endpoint.
func (e Endpoint) IsLocal() bool { return e.Unix != "" || e.AddrPort.Addr().IsLoopback() }

// clashes reports whether both endpoints cannot be listened on at a time: they
// are the same, or one is the other's port at all addresses of its family.
func (e Endpoint) clashes(with Endpoint) bool {
	a, b := e.AddrPort, with.AddrPort
	switch {
	case !a.IsValid() || !b.IsValid():
		return e.Unix != "" && e.Unix == with.Unix
	case a.Port() == 0 || a.Port() != b.Port() || a.Addr().Is4() != b.Addr().Is4():
		return false
	}
	return a.Addr() == b.Addr() || a.Addr().IsUnspecified() || b.Addr().IsUnspecified()
}

// OverTCP returns endpoints on addresses.
func OverTCP(addrs []netip.AddrPort) []Endpoint {
	endpoints := make([]Endpoint, len(addrs))
	for i, a := range addrs {
		endpoints[i].AddrPort = a
	}
	return endpoints
}
