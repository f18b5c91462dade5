package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"keeptrack/tracker"
)

// compareServed holds what an instance serves against the books.
func (s *soak) compareServed(ctx context.Context, side *side) error {
	var unlike error
	if err := await(ctx, "the overrides of both instances", 100*time.Millisecond, func() (bool, error) {
		unlike = side.compareOverrides(ctx)
		return unlike == nil, nil
	}); err != nil {
		return errors.Join(err, unlike)
	}
	return s.book.scrape(ctx, side.wire, side.h.overrides.refused())
}

// reopen has the instances serve once more.
func (s *soak) reopen(ctx context.Context) error {
	for i, side := range s.sides {
		err := side.open(ctx)
		if err == nil {
			err = errors.Join(s.compareServed(ctx, side), side.daemon.stop())
		}
		if err != nil {
			return fmt.Errorf("instance %d after a restart: %w", i+1, err)
		}
	}
	return nil
}

// compareFiles stops the instances and holds their files against the book and
// each other.
func (s *soak) compareFiles(ctx context.Context) error {
	var files [2]map[tracker.InfoHash]tracker.Record
	for i, side := range s.sides {
		if err := side.daemon.stop(); err != nil {
			return fmt.Errorf("stopping instance %d: %w", i+1, err)
		}
		if err := errors.Join(side.h.verify(ctx, side.h.file), side.h.inspect(ctx)); err != nil {
			return err
		}
		records, err := side.h.records(ctx)
		if err != nil {
			return err
		}
		files[i] = make(map[tracker.InfoHash]tracker.Record, len(records))
		for _, r := range records {
			files[i][r.InfoHash] = r
		}
	}
	var all findings
	for _, a := range s.book.accounts {
		one, two := files[0][a.hash], files[1][a.hash]
		apart := max(one.LastAnnounce, two.LastAnnounce) - min(one.LastAnnounce, two.LastAnnounce)
		if one.Downloaded != a.base.Downloaded || two.Downloaded != a.base.Downloaded || a.acked > 0 && apart > 1 {
			all.add(fmt.Errorf("torrent %s: %d downloads, the files have %+v and %+v", a.hash, a.base.Downloaded, one, two))
		}
	}
	return all.err()
}
