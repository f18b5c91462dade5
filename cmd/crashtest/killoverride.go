package main

import (
	"context"
	"math/rand/v2"
	"net/http/httptrace"
	"time"
)

// killInOverride kills a daemon that was asked for an override of its access
// list and has not answered.
func (h *harness) killInOverride(ctx context.Context, rng *rand.Rand) (outcome, error) {
	l, err := h.serve(ctx)
	if err != nil {
		return outcome{}, err
	}
	l.load(loadTime(rng))
	l.turn <- struct{}{} // the last one
	c, sent := h.overrides.draw(rng), make(chan struct{}, 1)
	traced := httptrace.WithClientTrace(l.ctx, &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { sent <- struct{}{} },
	})
	l.parts.Go(func() error { return l.unlessEnding(l.override(traced, c)) })
	select {
	case <-sent:
	case <-l.ctx.Done(): // kill returns why
	}
	time.Sleep(h.lasts.override.delay(rng))
	err = l.kill()
	inside := h.overrides.asked != nil
	h.lasts.override.learn(inside)
	return outcome{inside: inside, loaded: true}, err
}
