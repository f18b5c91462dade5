// Package transporttest holds the tests that every transport passes.
package transporttest

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"keeptrack/livesync/transport"
)

// Run tests a transport. open returns two members of a group of their own, on
// which nothing is lost. The tests close both.
func Run(t *testing.T, open func(t *testing.T) (a, b transport.Transport)) {
	for _, tt := range []struct {
		name string
		run  func(t *testing.T, a, b transport.Transport)
	}{
		{"packets reach the other as they were when sent", sent},
		{"the largest packet arrives whole", largest},
		{"a sender can be answered", answered},
		{"what does not fit is lost", cut},
		{"several goroutines send", concurrent},
		{"Close ends Receive, Run and Send", closed},
		{"the end of its context closes a transport", cancelled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := open(t)
			// A packet that never comes fails the test instead of hanging it.
			guard := time.AfterFunc(10*time.Second, func() { a.Close(); b.Close() })
			defer guard.Stop()
			tt.run(t, a, b)
			for _, tr := range []transport.Transport{a, b} {
				if err := tr.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// send sends a packet, which has to work.
func send(t *testing.T, tr transport.Transport, to transport.Endpoint, p []byte) {
	t.Helper()
	if err := tr.Send(to, p); err != nil {
		t.Fatal(err)
	}
}

// receive returns the next packet that begins with tag: what a member sent itself
// may come back to it.
func receive(t *testing.T, tr transport.Transport, tag byte, room int) ([]byte, transport.Endpoint) {
	t.Helper()
	buf := make([]byte, room)
	for {
		n, from, err := tr.Receive(buf)
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 && buf[0] == tag {
			return buf[:n], from
		}
	}
}

func sent(t *testing.T, a, b transport.Transport) {
	p := []byte("a first")
	send(t, a, transport.All, p)
	copy(p, "changed")
	got, from := receive(t, b, 'a', 64)
	send(t, a, transport.All, []byte("a second"))
	again, fromAgain := receive(t, b, 'a', 64)
	if string(got) != "a first" || string(again) != "a second" {
		t.Errorf("got %q and %q", got, again)
	}
	text, err := from.MarshalText()
	if from != fromAgain || from == transport.All || err != nil || len(text) == 0 || string(text) != from.String() {
		t.Errorf("from %q and %q, as text %q, %v", from, fromAgain, text, err)
	}
}

func largest(t *testing.T, a, b transport.Transport) {
	p := bytes.Repeat([]byte("a"), a.Limits().MaxPacket)
	send(t, a, transport.All, p)
	if got, _ := receive(t, b, 'a', 2*len(p)); !bytes.Equal(got, p) {
		t.Errorf("%d bytes of %d arrived", len(got), len(p))
	}
}

func answered(t *testing.T, a, b transport.Transport) {
	send(t, a, transport.All, []byte("a asks"))
	_, from := receive(t, b, 'a', 64)
	send(t, b, from, []byte("b answers"))
	if got, _ := receive(t, a, 'b', 64); string(got) != "b answers" {
		t.Errorf("got %q", got)
	}
}

func cut(t *testing.T, a, b transport.Transport) {
	for p, want := range map[string]string{"a long one": "a l", "a": "a"} {
		send(t, a, transport.All, []byte(p))
		if got, _ := receive(t, b, 'a', 3); string(got) != want {
			t.Errorf("got %q of %q, want %q", got, p, want)
		}
	}
}

func concurrent(t *testing.T, a, b transport.Transport) {
	const senders = 8
	var sending sync.WaitGroup
	for i := range senders {
		sending.Go(func() {
			if err := a.Send(transport.All, []byte{'a', byte(i)}); err != nil {
				t.Error(err)
			}
		})
	}
	sending.Wait()
	seen := map[byte]bool{}
	for range senders {
		p, _ := receive(t, b, 'a', 64)
		seen[p[1]] = true
	}
	if len(seen) != senders {
		t.Errorf("%d different packets of %d", len(seen), senders)
	}
}

func closed(t *testing.T, a, _ transport.Transport) {
	ran := make(chan error, 1)
	go func() { ran <- a.Run(context.Background()) }()
	received := make(chan error, 1)
	go func() { received <- firstError(a) }()
	for range 2 {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
	expectClosed(t, a, ran, received)
}

func cancelled(t *testing.T, a, _ transport.Transport) {
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- a.Run(ctx) }()
	received := make(chan error, 1)
	go func() { received <- firstError(a) }()
	cancel()
	expectClosed(t, a, ran, received)
}

// firstError receives until that fails.
func firstError(tr transport.Transport) error {
	buf := make([]byte, 64)
	for {
		if _, _, err := tr.Receive(buf); err != nil {
			return err
		}
	}
}

func expectClosed(t *testing.T, tr transport.Transport, ran, received <-chan error) {
	t.Helper()
	if err := <-ran; err != nil {
		t.Errorf("Run returned %v", err)
	}
	if err := <-received; !errors.Is(err, net.ErrClosed) {
		t.Errorf("the Receive in progress returned %v", err)
	}
	if _, _, err := tr.Receive(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a later Receive returned %v", err)
	}
	if err := tr.Send(transport.All, []byte("late")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a later Send returned %v", err)
	}
}
