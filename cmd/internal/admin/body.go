package admin

import (
	"errors"
	"net/http"
	"time"
)

// maxBody is the number of bytes of a request's body from which on it is
// refused; none has any use for one.
const maxBody = 4 << 10

var errBody = &Refusal{http.StatusRequestEntityTooLarge, errors.New("the request's body is too large, none is needed")}

// bodyTime is how long a body may take. The server reads what is left of one
// before it answers, so one that never comes would hold the connection for ever,
// without a token too.
const bodyTime = 5 * time.Second

// bounded bounds the body of a request, whatever is asked for.
func (s *Server) bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime)) // there is one for TCP and unix sockets
		}
		if r.ContentLength > maxBody {
			s.writeError(w, errBody)
			return
		}
		next.ServeHTTP(w, r)
	})
}
