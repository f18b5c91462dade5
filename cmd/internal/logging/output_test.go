package logging

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

// limit is how long the tests let an Output close.
const limit = 2 * time.Second

// sink is a reader of the log that can stall or fail.
type sink struct {
	stall <-chan struct{} // nothing is taken before it is closed; nil: it does not stall

	mu    sync.Mutex // guards what follows
	text  bytes.Buffer
	calls int
	fails func(call int, p []byte) (n int, err error)
}

func (s *sink) Write(p []byte) (n int, err error) {
	if s.stall != nil {
		<-s.stall
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	n = len(p)
	if s.fails != nil {
		n, err = s.fails(s.calls, p)
	}
	s.text.Write(p[:n])
	return n, err
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func TestLinesAreWrittenInOrder(t *testing.T) {
	var s sink
	o := New(&s)
	var want strings.Builder
	for _, text := range []string{"one\n", "two\nthree\n", "no end", "\n", "last\n"} {
		if n, err := o.Write([]byte(text)); n != len(text) || err != nil {
			t.Errorf("%q: %d, %v", text, n, err)
		}
		want.WriteString(strings.TrimSuffix(text, "\n") + "\n")
	}
	o.Close(limit)
	if s.String() != want.String() || o.Lost() != 0 {
		t.Errorf("%d lost, got %q, want %q", o.Lost(), &s.text, want.String())
	}
}

// TestNothingOfALineIsKept: zerolog uses its buffers again.
func TestNothingOfALineIsKept(t *testing.T) {
	stall := make(chan struct{})
	s := sink{stall: stall}
	o := New(&s)
	line := []byte("a line\n")
	o.Write(line)
	copy(line, "XXXXXX\n")
	close(stall)
	o.Close(limit)
	if s.String() != "a line\n" {
		t.Errorf("got %q", &s.text)
	}
}

// TestStalledReader: writing never waits, what is held is bounded, what does not
// fit is counted and told of once there is room again, and closing waits for a
// limited time.
func TestStalledReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stall := make(chan struct{})
		s := sink{stall: stall}
		o := New(&s)
		var told []uint64
		o.ReportLost(func(n uint64) { told = append(told, n) })
		line := append(bytes.Repeat([]byte("x"), 1023), '\n')
		o.Write(line)
		synctest.Wait() // it is taken off the queue, and being written
		for range queueSize/len(line) + 7 {
			o.Write(line)
		}
		if o.Lost() != 7 {
			t.Errorf("%d lines lost, want 7", o.Lost())
		}
		began := time.Now()
		o.Close(limit)
		if waited := time.Since(began); waited != limit {
			t.Errorf("closed after %v, want %v", waited, limit)
		}
		close(stall)
		<-o.done
		if got, want := len(s.String()), queueSize+len(line); got != want {
			t.Errorf("%d bytes written, want %d", got, want)
		}
		if len(told) != 0 {
			t.Errorf("told of %d after the end", told)
		}
	})
}

// TestReaderComesBack: once lines are taken again, those lost meanwhile are told
// of, once.
func TestReaderComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stall := make(chan struct{})
		s := sink{stall: stall}
		o := New(&s)
		var told []uint64
		o.ReportLost(func(n uint64) { told = append(told, n) })
		for range 3 {
			o.Write(bytes.Repeat([]byte{'x'}, queueSize/2+1))
			synctest.Wait()
		}
		close(stall)
		synctest.Wait()
		o.Close(limit)
		if len(told) != 1 || told[0] != 1 || o.Lost() != 1 {
			t.Errorf("told of %v, %d lost", told, o.Lost())
		}
	})
}

// TestLinesThatCannotBeWritten are lost one by one, whatever the error is, and
// counted and told of.
func TestLinesThatCannotBeWritten(t *testing.T) {
	for _, c := range []struct {
		name    string
		err     error
		written int // of the line that fails, in bytes
		want    string
	}{
		{"reader gone", syscall.EPIPE, 0, "first\nthird\n"},
		{"disk full", syscall.ENOSPC, 3, "first\nsec\nthird\n"},
		{"input/output error", syscall.EIO, 0, "first\nthird\n"},
		{"pipe full that must not block", syscall.EAGAIN, 2, "first\nse\nthird\n"},
		{"any other", errors.New("any"), 0, "first\nthird\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := sink{fails: func(call int, p []byte) (int, error) {
				if call == 2 {
					return c.written, c.err
				}
				return len(p), nil
			}}
			o := New(&s)
			told := make(chan uint64, 1)
			o.ReportLost(func(n uint64) { told <- n })
			for _, line := range []string{"first\n", "second\n", "third\n"} {
				o.Write([]byte(line))
			}
			if n := <-told; n != 1 {
				t.Errorf("told of %d lines", n)
			}
			o.Close(limit)
			if s.String() != c.want || o.Lost() != 1 {
				t.Errorf("%d lost, got %q, want %q", o.Lost(), &s.text, c.want)
			}
		})
	}
}

func TestWriteAfterClose(t *testing.T) {
	var s sink
	o := New(&s)
	o.Close(limit)
	o.Close(limit)
	if n, err := o.Write([]byte("late\n")); n != 5 || err != nil || o.Lost() != 1 || s.String() != "" {
		t.Errorf("%d, %v, %d lost, %q written", n, err, o.Lost(), &s.text)
	}
}

// TestPriorities: under the journal every line begins with its priority, each of
// several written at once too.
func TestPriorities(t *testing.T) {
	for _, c := range []struct {
		level zerolog.Level
		want  string
	}{
		{zerolog.TraceLevel, "<7>"},
		{zerolog.DebugLevel, "<7>"},
		{zerolog.InfoLevel, "<6>"},
		{zerolog.NoLevel, "<6>"},
		{zerolog.WarnLevel, "<4>"},
		{zerolog.ErrorLevel, "<3>"},
		{zerolog.FatalLevel, "<2>"},
		{zerolog.PanicLevel, "<2>"},
	} {
		t.Run(c.level.String(), func(t *testing.T) {
			var s sink
			o := New(&s)
			o.journal = true
			o.At(c.level).Write([]byte("one\ntwo\n"))
			o.Close(limit)
			if want := c.want + "one\n" + c.want + "two\n"; s.String() != want {
				t.Errorf("got %q, want %q", &s.text, want)
			}
		})
	}
}

func TestNoPrioritiesElsewhere(t *testing.T) {
	t.Setenv("JOURNAL_STREAM", "1:1")
	if p := Prefix(&bytes.Buffer{}, zerolog.ErrorLevel); p != "" {
		t.Errorf("a line that does not go to standard error begins with %q", p)
	}
}
