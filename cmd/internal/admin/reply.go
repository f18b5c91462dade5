package admin

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
)

// Refusal is an error that is answered with a status of its own.
type Refusal struct {
	Status int
	Err    error
}

func (r *Refusal) Error() string { return r.Err.Error() }

// Unwrap returns the reason.
func (r *Refusal) Unwrap() error { return r.Err }

// badRequest makes err, unless it is nil, a Refusal with status 400.
func badRequest(err error) error {
	if err == nil {
		return nil
	}
	return &Refusal{http.StatusBadRequest, err}
}

// answer returns the handler of a route.
func (s *Server) answer(do func(a API, r *http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		api, err := s.opts.API()
		var reply any
		if err == nil {
			reply, err = do(api, r)
		}
		if err != nil {
			s.writeError(w, err)
			return
		}
		s.writeJSON(w, http.StatusOK, reply)
	})
}

// writeError answers with an error: with a Refusal's status, or 503.
func (s *Server) writeError(w http.ResponseWriter, err error) {
	status := http.StatusServiceUnavailable
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		status = refusal.Status
	}
	s.writeJSON(w, status, struct {
		Error string `json:"error"`
	}{err.Error()})
}

func (s *Server) writeJSON(w http.ResponseWriter, status int, reply any) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(reply); err != nil {
		s.opts.Log.Debug().Err(err).Msg("admin reply not sent")
	}
}

// getOnly refuses HEAD for what takes long to be made, and has no headers worth
// the time.
func (s *Server) getOnly(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			s.refuseMethod(w, http.MethodGet)
			return
		}
		next(w, r)
	})
}

// refuseMethod answers a request with a method that is not one of those.
func (s *Server) refuseMethod(w http.ResponseWriter, allowed ...string) {
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	s.writeError(w, &Refusal{http.StatusMethodNotAllowed, errors.New("the method must be " + strings.Join(allowed, " or "))})
}

// other answers what is asked for under the JSON interface's path and is not
// there, or not with that method.
func (s *Server) other(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, none := mux.Handler(r)
		var allowed []string
		for _, method := range []string{"GET", "PUT", "DELETE", "POST"} {
			if _, pattern := mux.Handler(&http.Request{Method: method, Host: r.Host, URL: r.URL}); pattern != none {
				allowed = append(allowed, method)
			}
		}
		if len(allowed) == 0 {
			s.writeError(w, &Refusal{http.StatusNotFound, errors.New("there is no such path")})
			return
		}
		s.refuseMethod(w, allowed...)
	})
}
