package daemon

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"
)

func TestNoBackupWhileNotServing(t *testing.T) {
	for state, want := range map[int32]error{loading: errLoading, stopping: errStopping} {
		var d Daemon
		d.state.Store(state)
		var out bytes.Buffer
		if err := d.backup(&out); !errors.Is(err, want) || out.Len() > 0 {
			t.Errorf("error %v after %d bytes, want %v at once", err, out.Len(), want)
		}
	}
}

// TestBackupEndsWithTheDaemon: what stops does not wait for a copy.
func TestBackupEndsWithTheDaemon(t *testing.T) {
	var d Daemon
	var out bytes.Buffer
	w := pacedWriter{d: &d, w: &out}
	d.state.Store(serving)
	if n, err := w.Write([]byte("page")); n != 4 || err != nil {
		t.Errorf("serving: %d, %v", n, err)
	}
	d.state.Store(stopping)
	if n, err := w.Write([]byte("page")); n != 0 || !errors.Is(err, errStopping) {
		t.Errorf("stopping: %d, %v", n, err)
	}
	if out.String() != "page" {
		t.Errorf("wrote %q", &out)
	}
}

// TestBackupPauses holds the pace that docs/performance.md gives figures for:
// of 10 million torrents, the pauses take two seconds.
func TestBackupPauses(t *testing.T) {
	var d Daemon
	d.state.Store(serving)
	var paused time.Duration
	w := pacedWriter{d: &d, w: io.Discard, pause: func(p time.Duration) { paused += p }}
	piece := make([]byte, 32<<10)
	const total = 500 << 20
	for range total / len(piece) {
		if _, err := w.Write(piece); err != nil {
			t.Fatal(err)
		}
	}
	if paused != 2*time.Second {
		t.Errorf("paused for %v", paused)
	}
}
