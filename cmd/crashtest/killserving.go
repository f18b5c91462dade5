package main

import (
	"context"
	"math/rand/v2"
	"time"
)

// A daemon serves for a while between these before it is killed.
const (
	shortestLoad = 50 * time.Millisecond
	longestLoad  = 900 * time.Millisecond
)

// loadTime draws how long a daemon serves.
func loadTime(rng *rand.Rand) time.Duration {
	return shortestLoad + share(rng, longestLoad-shortestLoad)
}

// share draws a part of a duration.
func share(rng *rand.Rand, d time.Duration) time.Duration {
	return time.Duration(rng.Float64() * float64(d))
}

// killAnytime kills a daemon that serves.
func (h *session) killAnytime(ctx context.Context, rng *rand.Rand) (outcome, error) {
	l, err := h.serve(ctx)
	if err != nil {
		return outcome{}, err
	}
	l.load(loadTime(rng))
	return outcome{inside: true, loaded: true}, l.kill()
}

// killInStart kills a daemon before it serves.
func (h *session) killInStart(ctx context.Context, rng *rand.Rand) (outcome, error) {
	d, err := h.spawn(ctx, h.config)
	if err != nil {
		return outcome{}, err
	}
	time.Sleep(share(rng, h.lasts.start))
	err = d.kill()
	h.died = time.Now()
	return outcome{inside: len(d.Serving) == 0}, err
}
