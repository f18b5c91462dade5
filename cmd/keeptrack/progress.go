package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
)

// progress shows on a terminal how far long work has come, on one line that is
// gone in the end. Elsewhere it writes nothing.
type progress struct {
	out   io.Writer // nil: shows nothing
	what  string
	total int64 // bytes, 0 if unknown
	done  int64
	shown time.Time
}

// newProgress starts to show what is being done.
func newProgress(out io.Writer, what string, total int64) *progress {
	p := &progress{what: what, total: total}
	if isTerminal(out) {
		p.out = out
	}
	p.show()
	return p
}

// isTerminal reports whether somebody reads what is written to w as it comes.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// Write counts the bytes that go by; it never fails.
func (p *progress) Write(b []byte) (int, error) {
	p.done += int64(len(b))
	if time.Since(p.shown) > time.Second/10 {
		p.show()
	}
	return len(b), nil
}

func (p *progress) show() {
	if p.out == nil {
		return
	}
	p.shown = time.Now()
	line := p.what
	switch {
	case p.total > 0:
		line += fmt.Sprintf(" %3d %%", min(100, 100*p.done/p.total))
	case p.done > 0:
		line += fmt.Sprintf(" %d MiB", p.done>>20)
	}
	fmt.Fprintf(p.out, "\r\x1b[K%s", line)
}

// end takes the line away.
func (p *progress) end() {
	if p.out != nil {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
