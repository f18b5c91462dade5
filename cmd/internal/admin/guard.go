package admin

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

var (
	errHost   = &Refusal{http.StatusForbidden, errors.New("without a token, the Host header must be an IP address or localhost")}
	errOrigin = &Refusal{http.StatusForbidden, errors.New("requests of other sites' web pages are not accepted")}
)

// handle has requests for a pattern answered by next, if they may do that: rights says
// what it takes. Whoever may talk to a loopback address includes the host's browsers,
// with pages from anywhere: such a page can send requests (and must not change anything,
// nor have the daemon copy or profile itself), and can give the address a name of its own
// to read the replies (DNS rebinding), unless a token is asked for or the name is checked.
func (s *Server) handle(mux *http.ServeMux, pattern string, next http.Handler) {
	needs, known := rights[pattern]
	if !known {
		panic("admin: rights has no " + pattern)
	}
	if needs != free {
		next = s.guarded(needs, s.discreet(pattern, next))
	}
	mux.Handle(pattern, next)
}

// guarded lets a request through that has a right.
func (s *Server) guarded(needs right, next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refused := s.refuseToken(r, needs)
		switch {
		case refused != nil:
			s.unauthorized.Add(1)
			if refused == errToken {
				w.Header().Set("WWW-Authenticate", "Bearer")
			}
			s.writeError(w, refused)
		case s.opts.Token == "" && !safeHost(r):
			s.writeError(w, errHost)
		case origin.Check(r) != nil, elsewhere(r) && (needs == manage || !followsLink(r)):
			s.writeError(w, errOrigin)
		default:
			s.limit.keep(r)
			next.ServeHTTP(w, r)
		}
	})
}

// elsewhere says that a page of another origin had a browser send a request. Browsers
// that say so do for addresses that are loopback or have TLS, where a page of another
// site could come without a token.
func elsewhere(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "cross-site" || site == "same-site"
}

// followsLink says that the reply to a request is to be a page of its own, which the
// one that has the link cannot read.
func followsLink(r *http.Request) bool {
	return r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}

// discreet keeps clients' addresses from those of whom nobody knows who they are.
func (s *Server) discreet(pattern string, next http.Handler) http.Handler {
	if !givesAddresses[pattern] || s.opts.Token != "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !overUnix(r) {
			s.writeError(w, errAddresses)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// safeHost says that no web page can have made its own name stand for this
// address: the request names an IP address or localhost, or no browser sent it. On a
// unix socket a name without a port is fine too, which a proxy passes on, and one of a
// single label: what a browser sends comes through a port that ssh forwards. It names the
// port unless that is 80, or has a header that browsers alone send.
func safeHost(r *http.Request) bool {
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		host, port = r.Host, ""
	}
	if overUnix(r) && !byBrowser(r) && (port == "" || !strings.Contains(host, ".")) {
		return true
	}
	_, err = netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil || host == "" || strings.EqualFold(host, "localhost")
}

// byBrowser says that a request has a header that only browsers send.
func byBrowser(r *http.Request) bool {
	for name := range r.Header {
		if name == "Origin" || strings.HasPrefix(name, "Sec-Fetch-") {
			return true
		}
	}
	return false
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
