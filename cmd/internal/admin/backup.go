package admin

import (
	"net/http"
	"time"
)

// stall is how long a client may take nothing of a backup before it is cut off:
// while one is under way, the database cannot use pages again that are free.
const stall = 10 * time.Second

// backup streams a copy of the database. One that fails on its way is cut off,
// which the client sees.
func (s *Server) backup(w http.ResponseWriter, r *http.Request) {
	if !s.backups.TryLock() {
		http.Error(w, "a backup is under way", http.StatusConflict)
		return
	}
	defer s.backups.Unlock()
	began := time.Now()
	out := &backupWriter{w: w, control: http.NewResponseController(w)}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Connection", "close") // the deadline is the connection's
	err := s.opts.Backup(out)
	switch {
	case err == nil:
		s.opts.Log.Info().Str("client", r.RemoteAddr).Int64("bytes", out.n).Dur("took_ms", time.Since(began)).Msg("backup taken")
	case out.n == 0:
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	default:
		s.opts.Log.Warn().Err(err).Str("client", r.RemoteAddr).Int64("bytes", out.n).Msg("backup failed")
		panic(http.ErrAbortHandler)
	}
}

// backupWriter writes to a client that has to keep up.
type backupWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	n       int64 // bytes written
}

func (b *backupWriter) Write(p []byte) (int, error) {
	if err := b.control.SetWriteDeadline(time.Now().Add(stall)); err != nil {
		return 0, err
	}
	n, err := b.w.Write(p)
	b.n += int64(n)
	return n, err
}
