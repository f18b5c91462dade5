package admin

import (
	"net/http"
	"slices"
	"time"
)

// stall is how long a client may leave a piece of a reply untaken before it is
// cut off. Replies may be long, so there is no bound on the whole of one; but
// while a backup is under way, the database cannot use pages again that are free.
const stall = 10 * time.Second

// pieceSize is how many bytes a client has to take within stall, or what is
// written at once if that is less.
const pieceSize = 32 << 10

// steadyWriter writes to a client that has to keep up.
type steadyWriter struct{ http.ResponseWriter }

// Unwrap is for http.ResponseController.
func (s steadyWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (s steadyWriter) Write(p []byte) (written int, err error) {
	for piece := range slices.Chunk(p, pieceSize) {
		if err := http.NewResponseController(s.ResponseWriter).SetWriteDeadline(time.Now().Add(stall)); err != nil {
			return written, err
		}
		n, err := s.ResponseWriter.Write(piece)
		written += n
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// steady cuts off clients that do not keep up. What the server writes once the
// handler is done, all of a short reply, is a piece as well.
func steady(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(steadyWriter{w}, r)
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(stall)) // fails only where writing does
	})
}
