package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http/httptrace"
	"syscall"
)

// killInOverride kills a daemon that was asked for an override of its access
// list and has not answered.
func (h *session) killInOverride(ctx context.Context, rng *rand.Rand) (outcome, error) {
	l, err := h.serve(ctx)
	if err != nil {
		return outcome{}, err
	}
	l.load(loadTime(rng))
	l.turn <- struct{}{} // the last one
	err = errors.Join(l.haltInOverride(rng), l.kill())
	return outcome{inside: h.overrides.asked != nil, loaded: true}, err
}

// haltInOverride halts the daemon between a request for an override and its
// answer, to be killed there. It may have to try again with later ones.
func (l *life) haltInOverride(rng *rand.Rand) error {
	h := l.h
	for range maxHalts {
		sent, done := l.beginOverride(h.overrides.draw(rng))
		select {
		case <-sent:
		case <-l.ctx.Done():
			return nil // kill returns why
		}
		if _, err := l.daemon.halt(h.file, h.lasts.override.delay(rng)); err != nil {
			return err
		}
		select {
		case <-done:
			h.lasts.override.learn(false)
		default:
			h.lasts.override.learn(true)
			return nil
		}
		if err := l.daemon.Cmd.Process.Signal(syscall.SIGCONT); err != nil {
			return err
		}
	}
	return nil
}

// beginOverride asks for an override; it tells when the request has been sent
// and when that is over.
func (l *life) beginOverride(c change) (sent, done chan struct{}) {
	sent, done = make(chan struct{}, 1), make(chan struct{})
	ctx := httptrace.WithClientTrace(l.ctx, &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) {
			select {
			case sent <- struct{}{}:
			default: // it was sent again
			}
		},
	})
	l.parts.Go(func() error {
		defer close(done)
		return l.unlessEnding(l.override(ctx, c))
	})
	return sent, done
}
