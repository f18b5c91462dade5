package daemon

import (
	"errors"
	"io"
	"time"
)

var (
	errLoading  = errors.New("loading the database")
	errStopping = errors.New("stopping")
)

// A copy pauses after every piece of it, so that it does not keep a processor
// and the memory bus from those who answer requests.
const (
	copyPiece = 256 << 10
	copyPause = time.Millisecond
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
	if _, err := d.checkpoints.write(); err != nil {
		d.log.Error().Err(err).Msg("the checkpoint before a backup failed: the copy is as of the last one")
	}
	return d.store.Backup(&pacedWriter{d: d, w: w, pause: time.Sleep})
}

// pacedWriter writes as long as the daemon serves, and pauses.
type pacedWriter struct {
	d     *Daemon
	w     io.Writer
	pause func(time.Duration)
	piece int // bytes written since the last pause
}

func (p *pacedWriter) Write(b []byte) (int, error) {
	if p.d.state.Load() != serving {
		return 0, errStopping
	}
	if p.piece += len(b); p.piece >= copyPiece {
		p.piece = 0
		p.pause(copyPause)
	}
	return p.w.Write(b)
}
