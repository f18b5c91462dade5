package admin

import (
	"net/http"
	"time"
)

// stall is how long a client may take nothing of a long reply before it is cut
// off: while a backup is under way, the database cannot use pages again that
// are free.
const stall = 10 * time.Second

// steadyWriter writes to a client that has to keep up. The deadline stays the
// connection's, which is to be closed after the reply.
type steadyWriter struct {
	http.ResponseWriter
	n int64 // bytes written
}

func (s *steadyWriter) Write(p []byte) (int, error) {
	if err := http.NewResponseController(s.ResponseWriter).SetWriteDeadline(time.Now().Add(stall)); err != nil {
		return 0, err
	}
	n, err := s.ResponseWriter.Write(p)
	s.n += int64(n)
	return n, err
}

// steady cuts off clients that do not keep up.
func steady(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&steadyWriter{ResponseWriter: w}, r)
	})
}
