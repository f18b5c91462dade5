package admin

import (
	"errors"
	"io"
	"net/http"
	"time"
)

var errBackup = &Refusal{http.StatusConflict, errors.New("a backup is already running")}

// backupType is the media type of a copy.
const backupType = "application/octet-stream"

// backup streams a copy of the database. One that fails on its way is cut off,
// which the client sees. For HEAD there is no copy, only what one would begin
// with now.
func (s *Server) backup(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead {
		s.announceBackup(w)
		return
	}
	if !s.copying.CompareAndSwap(false, true) {
		s.writeError(w, errBackup)
		return
	}
	defer s.copying.Store(false)
	began := time.Now()
	out := &counter{to: w}
	w.Header().Set("Content-Type", backupType)
	err := s.opts.Backup(out)
	switch {
	case err == nil:
		s.opts.Log.Info().Str("client", clientOf(r)).Int64("bytes", out.n).Dur("took_ms", time.Since(began)).Msg("backup taken")
	case out.n == 0:
		s.writeError(w, err)
	default:
		s.opts.Log.Warn().Err(err).Str("client", clientOf(r)).Int64("bytes", out.n).Msg("backup failed")
		panic(http.ErrAbortHandler)
	}
}

// announceBackup answers without a copy, and keeps nobody from one.
func (s *Server) announceBackup(w http.ResponseWriter) {
	if s.copying.Load() {
		s.writeError(w, errBackup)
		return
	}
	if _, err := s.opts.API(); err != nil {
		s.writeError(w, err)
		return
	}
	w.Header().Set("Content-Type", backupType)
}

// counter counts the bytes that it has written.
type counter struct {
	to io.Writer
	n  int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.n += int64(n)
	return n, err
}
