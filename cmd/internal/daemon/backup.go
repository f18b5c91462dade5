package daemon

import (
	"errors"
	"io"
)

var (
	errLoading  = errors.New("loading the database")
	errStopping = errors.New("stopping")
)

// backup writes a checkpoint and then a copy of the database. When the disk does
// not take the checkpoint, a copy of what is there is wanted all the more. A
// daemon that stops does not wait for the copy: it ends with an error at the
// next write.
func (d *Daemon) backup(w io.Writer) error {
	switch d.state.Load() {
	case loading:
		return errLoading
	case stopping:
		return errStopping
	}
	if err := d.checkpoints.write(); err != nil {
		d.log.Error().Err(err).Msg("checkpoint before a backup failed, the copy is as of the last one")
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
