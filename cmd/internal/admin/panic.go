package admin

import (
	"fmt"
	"net/http"
	"runtime/debug"
)

// reported logs a panic of next and cuts off the client, as net/http does. The
// panic http.ErrAbortHandler means only the latter.
func (s *Server) reported(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if cause != http.ErrAbortHandler {
				s.opts.Log.Error().Str("client", clientOf(r)).Str("request", r.Method+" "+r.URL.Path).
					Str("panic", fmt.Sprint(cause)).Bytes("stack", debug.Stack()).
					Msg("an admin request panicked: a bug, please report it")
			}
			panic(http.ErrAbortHandler)
		}()
		next.ServeHTTP(w, r)
	})
}
