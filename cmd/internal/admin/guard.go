package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

var (
	errToken  = &Refusal{http.StatusUnauthorized, errors.New("a valid bearer token is required")}
	errHost   = &Refusal{http.StatusForbidden, errors.New("without a token, the Host header must be an IP address or localhost")}
	errOrigin = &Refusal{http.StatusForbidden, errors.New("requests that change something are not taken from web pages of other sites")}
)

// guarded lets a request through that may do what next does. Whoever may talk
// to a loopback address includes the host's browsers, with pages from anywhere:
// such a page can send requests (and must not change anything), and can give the
// address a name of its own to read the replies (DNS rebinding), unless a token
// is asked for or the name is checked.
func (s *Server) guarded(next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case s.opts.Token != "" && !s.authorized(r):
			s.unauthorized.Add(1)
			w.Header().Set("WWW-Authenticate", "Bearer")
			s.writeError(w, errToken)
		case s.opts.Token == "" && !safeHost(r):
			s.writeError(w, errHost)
		case origin.Check(r) != nil:
			s.writeError(w, errOrigin)
		default:
			s.limit.keep(r)
			next.ServeHTTP(w, r)
		}
	})
}

// authorized says whether a request has the right token. The comparison takes
// the same time for every wrong one.
func (s *Server) authorized(r *http.Request) bool {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	got, want := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(s.opts.Token))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1 && strings.EqualFold(scheme, "Bearer")
}

// safeHost says that no web page can have made its own name stand for this
// address: the request names an IP address or localhost, or no browser sent it.
func safeHost(r *http.Request) bool {
	if overUnix(r) {
		return true
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil || host == "" || strings.EqualFold(host, "localhost")
}

// overUnix says whether a request came over a unix socket.
func overUnix(r *http.Request) bool {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return local != nil && local.Network() == "unix"
}

// clientOf returns the address of who sent a request, for the log. The clients of
// a unix socket have none.
func clientOf(r *http.Request) string {
	if overUnix(r) {
		return "unix"
	}
	return r.RemoteAddr
}
