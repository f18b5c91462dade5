package daemon

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestNapEndsWithTheDaemon: a stop waits for no reload that naps.
func TestNapEndsWithTheDaemon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ending := make(chan struct{})
		d := Daemon{ending: ending}
		began := time.Now()
		if d.nap(); time.Since(began) != time.Millisecond {
			t.Errorf("napped for %v", time.Since(began))
		}
		close(ending)
		began = time.Now()
		if d.nap(); time.Since(began) != 0 {
			t.Errorf("napped for %v in a daemon that ends", time.Since(began))
		}
	})
}
