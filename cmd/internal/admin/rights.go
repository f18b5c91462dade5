package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"
)

// right is what a request needs to be let through. With no token set, every request
// has all of them.
type right uint8

const (
	free   right = iota // is answered without a token
	look                // either token: shows what there is
	manage              // the token: changes something, costs much, or gives away what secrets can be read from
)

// rights says of every route, as a pattern of http.ServeMux, which right it needs.
// A read-only token is for those that need to look.
var rights = map[string]right{
	"GET /healthz": free,
	"GET /readyz":  free,

	"GET /{$}":         free, // has no data
	"GET /page/{file}": free,

	"GET /metrics": look,
	"GET /stats":   look,

	"GET /debug/pprof/":        manage,
	"GET /debug/pprof/profile": manage,

	"GET /api/v1/stats":                     look,
	"GET /api/v1/history":                   look,
	"GET /api/v1/torrents":                  look,
	"GET /api/v1/torrents/{hash}":           look,
	"GET /api/v1/top":                       look,
	"GET /api/v1/networks":                  look,
	"GET /api/v1/clients":                   look,
	"GET /api/v1/trace":                     manage,
	"GET /api/v1/cluster":                   look,
	"DELETE /api/v1/cluster/{member}":       manage,
	"GET /api/v1/access":                    look,
	"POST /api/v1/access/reload":            manage,
	"GET /api/v1/access/{hash}":             look,
	"PUT /api/v1/access/{hash}":             manage,
	"DELETE /api/v1/access/{hash}":          manage,
	"PUT /api/v1/access/{hash}/override":    manage,
	"DELETE /api/v1/access/{hash}/override": manage,
	"POST /api/v1/checkpoint":               manage,
	"GET /api/v1/backup":                    manage,
	"GET /api/v1/openapi.yaml":              look,
	"/api/":                                 look, // what is not there
}

// givesAddresses are the routes that give away clients' addresses. What anybody on the
// host may ask for has none.
var givesAddresses = map[string]bool{
	"GET /api/v1/networks": true,
	"GET /api/v1/trace":    true,
}

var errAddresses = &Refusal{http.StatusForbidden, errors.New("clients' addresses are given only with a token or over a unix socket: set admin.token, or have admin.listen be a unix socket")}

var (
	errToken    = &Refusal{http.StatusUnauthorized, errors.New("a valid bearer token is required")}
	errReadOnly = &Refusal{http.StatusForbidden, errors.New("the read-only token does not allow this")}
)

// refuseToken returns why the token that a request has is not enough for a right, or
// nil if it is. Without tokens set, nothing is asked for.
func (s *Server) refuseToken(r *http.Request, needs right) *Refusal {
	if needs == free || s.opts.Token == "" {
		return nil
	}
	switch has := s.rightOf(r); {
	case has >= needs:
		return nil
	case has == look:
		return errReadOnly
	}
	return errToken
}

// rightOf returns what the token of a request allows. That takes the same time for every
// wrong one.
func (s *Server) rightOf(r *http.Request) right {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	isToken, isReadToken := sameToken(token, s.opts.Token), sameToken(token, s.opts.ReadToken)
	switch {
	case !strings.EqualFold(scheme, "Bearer"):
		return free
	case isToken:
		return manage
	case isReadToken:
		return look
	}
	return free
}

// sameToken reports whether got is the token want, which is not if that is empty. It
// takes the same time whatever got is.
func sameToken(got, want string) bool {
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && want != ""
}
