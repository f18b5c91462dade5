package admin

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// maxBody is the number of bytes that the body of a request may have; none has any
// use for one.
const maxBody = 4 << 10

var errBody = &Refusal{http.StatusRequestEntityTooLarge, errors.New("the request's body is too large: no request needs one")}

// bodyTime is how long a body may take, so that one that never comes does not hold
// the connection for ever, without a token too.
const bodyTime = 5 * time.Second

// bodiless reads the body of a request, whatever is asked for, and refuses one that
// is too large. What does not come in time is not waited for any longer, and the
// connection is closed after the answer.
func (s *Server) bodiless(next http.Handler) http.Handler {
	return http.MaxBytesHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 && !s.readBody(w, r) {
			s.writeError(w, errBody)
			return
		}
		next.ServeHTTP(w, r)
	}), maxBody)
}

// readBody reads a body, and returns false if it is too large.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request) bool {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime)) // there is one for TCP and unix sockets
	if r.ContentLength > maxBody {
		return false // without waiting for it
	}
	_, err := io.Copy(io.Discard, r.Body)
	_, tooLarge := errors.AsType[*http.MaxBytesError](err)
	return !tooLarge
}
