package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"keeptrack/tracker"
)

// overrideEvery is the time between two changes of the access list.
const overrideEvery = 20 * time.Millisecond

// override asks the daemon for a change of an override, which must be in force
// once it is acknowledged.
func (l *life) override(ctx context.Context, c change) error {
	o := l.h.overrides
	method, path := http.MethodDelete, "/api/v1/access/"+o.hashes[c.torrent].String()
	switch c.to {
	case added:
		method = http.MethodPut
	case leftToFile:
		path += "/override"
	}
	o.asked = &c
	status, body, err := l.ask(ctx, method, path)
	if status == http.StatusOK {
		o.acknowledge()
	}
	if err != nil {
		return err
	}
	answer := struct{ Refused bool }{!c.refuses()}
	if json.Unmarshal(body, &answer) != nil || status != http.StatusOK || answer.Refused != c.refuses() {
		return fmt.Errorf("%s %s is answered %d %s", method, path, status, body)
	}
	return nil
}

// overriding has overrides changed until ctx is done. Who takes the turn has
// them to himself.
func (l *life) overriding(ctx context.Context, rng *rand.Rand) error {
	return every(ctx, overrideEvery, time.Time{}, func() error {
		select {
		case l.turn <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		defer func() { <-l.turn }()
		if l.ending.Load() {
			return nil // it would ask nobody
		}
		return l.override(ctx, l.h.overrides.draw(rng))
	})
}

// compareOverrides holds the overrides that the daemon has, just started or not
// asked for any just now, against the book.
func (l *life) compareOverrides(ctx context.Context) error {
	body, err := l.page(ctx, "/api/v1/access?limit=1000")
	if err != nil {
		return err
	}
	var list struct {
		Overrides []struct {
			InfoHash string `json:"info_hash"`
			Listed   bool
		}
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return err
	}
	found := map[tracker.InfoHash]standing{}
	for _, o := range list.Overrides {
		h, err := tracker.ParseInfoHash(o.InfoHash)
		if err != nil {
			return fmt.Errorf("an override of %q: %w", o.InfoHash, err)
		}
		found[h] = removed
		if o.Listed {
			found[h] = added
		}
	}
	return l.h.overrides.compare(found)
}
