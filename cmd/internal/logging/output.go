// Package logging takes the daemon's log lines to standard error without ever
// holding up the goroutine that logs: whatever becomes of the reader, the
// daemon goes on.
package logging

import (
	"bytes"
	"io"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// queueSize is the most bytes that wait for a slow reader: some thousand lines.
const queueSize = 1 << 20

// Output writes log lines in the order in which they come, from a queue of at
// most 1 MiB. A line that finds the queue full, or that cannot be written, is
// lost and counted. It is a zerolog.LevelWriter.
type Output struct {
	to      io.Writer
	journal bool          // to is the journal's stream
	work    chan struct{} // has room for one: there is something to look at
	done    chan struct{} // closed when nothing is written any more

	mu       sync.Mutex // guards what follows
	lines    [][]byte   // the queue; each ends with a newline
	size     int        // of the queue, in bytes
	closed   bool
	lost     uint64
	reported uint64         // of lost
	report   func(n uint64) // may be nil
}

// New returns an Output to w, which only this Output writes to until it is
// closed. Where w is standard error and the journal reads that, each line begins
// with its priority.
func New(w io.Writer) *Output {
	o := &Output{to: w, journal: isJournal(w), work: make(chan struct{}, 1), done: make(chan struct{})}
	go o.run()
	return o
}

// Write queues p as lines without a level.
func (o *Output) Write(p []byte) (int, error) { return o.WriteLevel(zerolog.NoLevel, p) }

// WriteLevel queues p, one or more lines of level l. It neither blocks nor
// fails, and keeps nothing of p.
func (o *Output) WriteLevel(l zerolog.Level, p []byte) (int, error) {
	var prefix string
	if o.journal {
		prefix = priority(l)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for line := range bytes.Lines(p) {
		o.add(prefix, line)
	}
	o.wake()
	return len(p), nil
}

// wake has run look at what has changed.
func (o *Output) wake() {
	select {
	case o.work <- struct{}{}:
	default: // it is about to
	}
}

// add queues a line, with or without its newline. The caller holds mu.
func (o *Output) add(prefix string, line []byte) {
	line = bytes.TrimSuffix(line, []byte{'\n'})
	size := len(prefix) + len(line) + 1
	if o.closed || o.size+size > queueSize {
		o.lost++
		return
	}
	whole := append(make([]byte, 0, size), prefix...)
	whole = append(whole, line...)
	o.lines = append(o.lines, append(whole, '\n'))
	o.size += size
}

// At returns a writer of lines of level l.
func (o *Output) At(l zerolog.Level) io.Writer { return leveled{o, l} }

type leveled struct {
	to    *Output
	level zerolog.Level
}

func (w leveled) Write(p []byte) (int, error) { return w.to.WriteLevel(w.level, p) }

// Lost returns the number of lines that were not written.
func (o *Output) Lost() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lost
}

// ReportLost has fn called with the number of lines lost since its last call,
// as soon as lines are written again.
func (o *Output) ReportLost(fn func(n uint64)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.report = fn
}

// Close takes no more lines and waits until the queue is written, but no longer
// than limit: what a stalled reader has not taken by then is lost.
func (o *Output) Close(limit time.Duration) {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	o.wake()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-o.done:
	case <-timer.C:
	}
}
