package admin

import (
	"errors"
	"net/http"
	"time"
)

var errBackup = &Refusal{http.StatusConflict, errors.New("a backup is under way")}

// backup streams a copy of the database. One that fails on its way is cut off,
// which the client sees.
func (s *Server) backup(w http.ResponseWriter, r *http.Request) {
	if !s.backups.TryLock() {
		s.writeError(w, errBackup)
		return
	}
	defer s.backups.Unlock()
	began := time.Now()
	out := &steadyWriter{ResponseWriter: w}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Connection", "close") // the deadline is the connection's
	err := s.opts.Backup(out)
	switch {
	case err == nil:
		s.opts.Log.Info().Str("client", r.RemoteAddr).Int64("bytes", out.n).Dur("took_ms", time.Since(began)).Msg("backup taken")
	case out.n == 0:
		w.Header().Del("Connection")
		s.writeError(w, err)
	default:
		s.opts.Log.Warn().Err(err).Str("client", r.RemoteAddr).Int64("bytes", out.n).Msg("backup failed")
		panic(http.ErrAbortHandler)
	}
}
