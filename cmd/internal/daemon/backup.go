package daemon

import (
	"errors"
	"io"
)

var (
	errLoading  = errors.New("loading the database")
	errStopping = errors.New("stopping")
)

// backup writes a copy of the database. A daemon that stops does not wait for
// it: it ends with an error at the next write.
func (d *Daemon) backup(w io.Writer) error {
	if d.state.Load() == loading {
		return errLoading
	}
	return d.store.Backup(servingWriter{d, w})
}

// servingWriter writes as long as the daemon serves.
type servingWriter struct {
	d *Daemon
	w io.Writer
}

func (s servingWriter) Write(p []byte) (int, error) {
	if s.d.state.Load() != serving {
		return 0, errStopping
	}
	return s.w.Write(p)
}
