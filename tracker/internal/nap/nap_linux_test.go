package nap

import (
	"runtime"
	"testing"
	"time"
)

// TestOthersRun holds that naps leave a processor to the rest of the program,
// whatever the number of workers that nap.
func TestOthersRun(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, workers := range []int{1, 3} {
		done := make(chan struct{})
		ended := make(chan struct{})
		for range workers {
			go func() {
				defer func() { ended <- struct{}{} }()
				var n Napper
				defer n.Wake()
				for {
					select {
					case <-done:
						return
					default:
						n.Nap(longest)
					}
				}
			}()
		}
		turns := make(chan int)
		for range 50 {
			go func() { turns <- 1 }()
			<-turns
		}
		close(done)
		for range workers {
			<-ended
		}
		if n := active.Load(); n != 0 {
			t.Errorf("%d workers still count as napping", n)
		}
	}
}

func TestALongNapIsKnownToTheRuntime(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	woke := make(chan time.Time, 1)
	go func() {
		var n Napper
		defer n.Wake()
		n.Nap(50 * longest)
		woke <- time.Now()
	}()
	for active.Load() == 0 {
		runtime.Gosched()
	}
	// This goroutine goes on meanwhile, on the only processor.
	if now := time.Now(); !now.Before(<-woke) {
		t.Error("the nap kept everything else waiting")
	}
}
