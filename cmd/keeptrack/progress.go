package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/mattn/go-isatty"
)

// progress shows on a terminal how far long work has come, how fast it is and how long it
// will take, on one line that is gone in the end. Elsewhere it writes nothing.
type progress struct {
	out   io.Writer // nil: shows nothing
	what  string
	unit  string // of what is counted; empty: bytes
	total int64  // 0 if unknown
	began time.Time
	over  chan struct{}  // closed in the end
	ticks sync.WaitGroup // for tick to return

	mu    sync.Mutex // guards what follows, and writing to out
	done  int64
	shown time.Time
}

// rateTime is for how long work goes on before a rate says anything.
const rateTime = time.Second

// newProgress starts to show what is being done, in bytes.
func newProgress(out io.Writer, what string, total int64) *progress {
	return newCount(out, what, "", total)
}

// newCount starts to show what is being done, in a unit.
func newCount(out io.Writer, what, unit string, total int64) *progress {
	p := &progress{what: what, unit: unit, total: total, began: time.Now(), over: make(chan struct{})}
	if isTerminal(out) {
		p.out = out
		p.ticks.Go(p.tick)
	}
	p.add(0)
	return p
}

// tick shows every second that work goes on, which may be for long before more is done.
func (p *progress) tick() {
	seconds := time.NewTicker(time.Second)
	defer seconds.Stop()
	for {
		select {
		case <-seconds.C:
			p.add(0)
		case <-p.over:
			return
		}
	}
}

// isTerminal reports whether somebody reads what is written to w as it comes.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// Write counts the bytes that go by; it never fails.
func (p *progress) Write(b []byte) (int, error) {
	p.add(int64(len(b)))
	return len(b), nil
}

// add counts what is done.
func (p *progress) add(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	if now := time.Now(); now.Sub(p.shown) > time.Second/10 {
		p.show(now)
	}
}

// show shows how it is now. p.mu is held.
func (p *progress) show(now time.Time) {
	if p.out == nil {
		return
	}
	p.shown = now
	line := p.what
	switch {
	case p.total > 0:
		line += fmt.Sprintf(" %3d %%", min(100, 100*p.done/p.total))
	case p.done > 0:
		line += " " + p.amount(p.done)
	}
	fmt.Fprintf(p.out, "\r\x1b[K%s%s", line, p.pace(now.Sub(p.began)))
}

// amount returns so much with its unit.
func (p *progress) amount(n int64) string {
	if p.unit == "" {
		return size(n)
	}
	return fmt.Sprintf("%d %s", n, p.unit)
}

// pace returns how much is done a second, and when the rest will be, once that can be
// told.
func (p *progress) pace(took time.Duration) string {
	switch {
	case took < rateTime:
		return ""
	case p.done == 0: // nothing is counted
		return ", " + age(took)
	}
	rate := float64(p.done) / took.Seconds()
	text := fmt.Sprintf(", %s/s", p.amount(int64(rate)))
	if p.total > p.done {
		left := time.Duration(float64(p.total-p.done) / rate * float64(time.Second))
		text += fmt.Sprintf(", %s left", age(left.Truncate(time.Second)+time.Second))
	}
	return text
}

// end takes the line away. It may be called again.
func (p *progress) end() {
	if p.out == nil {
		return
	}
	close(p.over)
	p.ticks.Wait()
	fmt.Fprint(p.out, "\r\x1b[K")
	p.out = nil
}
