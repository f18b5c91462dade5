package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	bittorrent "keeptrack/cmd/internal/client"
	"keeptrack/tracker"
	"keeptrack/tracker/bep15"
)

// What a soak does, and counts.
const (
	downloads = iota
	leechers
	scrapes
	changes
	backups
	reloads
)

var doneNames = [...]string{downloads: "downloads", leechers: "leechers", scrapes: "torrents scraped", changes: "overrides", backups: "backups verified", reloads: "reloads"}

func (s *soak) count(what int, n int) { atomic.AddUint64(&s.done[what], uint64(n)) }

// announce announces completed downloads, and now and then a leecher for each,
// or scrapes.
func (s *soak) announce(ctx context.Context, l *load, until time.Time) error {
	return every(ctx, batchEvery, until, func() error {
		for left := l.batch; left > 0; left -= window {
			n := min(left, window)
			if err := l.announce(ctx, n); err != nil {
				return err
			}
			s.count(downloads, n)
			var err error
			switch l.rng.IntN(4) {
			case 0:
				s.count(leechers, n)
				err = l.leech(ctx, n)
			case 1:
				s.count(scrapes, n)
				err = l.scrape(ctx, n)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// announceHTTP announces completed downloads, one at a time, and scrapes.
func (s *soak) announceHTTP(ctx context.Context, side *side, until time.Time) error {
	torrent := 0
	return every(ctx, 10*batchEvery, until, func() error {
		torrent = max((torrent+1)%len(s.book.accounts), overridden)
		hash := s.book.accounts[torrent].hash
		port, sent := uint16(s.book.sending(torrent)), time.Now()
		_, err := bittorrent.Announce(ctx, side.http, bittorrent.Request{InfoHash: hash, Port: port, Event: tracker.EventCompleted})
		if err != nil {
			return err
		}
		s.book.acknowledged(torrent, sent)
		s.count(downloads, 1)
		s.count(scrapes, 1)
		_, err = bittorrent.Scrape(ctx, side.http, []tracker.InfoHash{hash})
		return err
	})
}

// override changes overrides. The later of two changes is the one that was asked for
// later, whichever instance was asked.
func (s *soak) override(ctx context.Context, side *side, rng *rand.Rand, until time.Time) error {
	return every(ctx, overrideEvery, until, func() error {
		s.deciding.Lock()
		defer s.deciding.Unlock()
		if err := side.override(ctx, s.overrides.draw(rng)); err != nil {
			return err
		}
		s.count(changes, 1)
		return nil
	})
}

// leech announces leechers that say nothing more.
func (l *load) leech(ctx context.Context, n int) error {
	return l.wire.exchange(ctx, n, func(i int, transaction uint32) []byte {
		return bep15.AnnounceRequest{
			ConnectionID: l.wire.id, TransactionID: transaction, InfoHash: l.book.accounts[l.pick()].hash,
			Event: uint32(tracker.EventStarted), Left: 1, Port: uint16(1 + l.rng.IntN(1<<16-1)), NumWant: 50,
		}.Append(nil)
	}, func(_ int, reply []byte) error {
		_, err := bep15.ParseAnnounceReply(reply, tracker.IPv4)
		return err
	})
}

// scrape asks for one torrent at a time.
func (l *load) scrape(ctx context.Context, n int) error {
	return l.wire.exchange(ctx, n, func(_ int, transaction uint32) []byte {
		hash := l.book.accounts[l.pick()].hash
		return bep15.ScrapeRequest{ConnectionID: l.wire.id, TransactionID: transaction, InfoHashes: hash[:]}.Append(nil)
	}, func(_ int, reply []byte) error {
		_, err := bep15.ParseScrapeReply(reply)
		return err
	})
}

// operate reloads the instances and takes backups, one of them after the other.
func (s *soak) operate(ctx context.Context, g *group, until time.Time) error {
	n := 0
	return every(ctx, max(s.lasts/60, 500*time.Millisecond), until, func() error {
		n++
		for _, side := range s.sides {
			err := errors.Join(g.writeKeys(side.keyFile, n), g.writeList(s.overrides, n), side.daemon.Cmd.Process.Signal(syscall.SIGHUP))
			if err == nil {
				err = side.awaitReload(ctx, n)
			}
			if err != nil {
				return fmt.Errorf("reload %d: %w", n, err)
			}
			s.count(reloads, 1)
		}
		side := s.sides[n%len(s.sides)]
		if err := side.backUp(ctx); err != nil {
			return fmt.Errorf("backup %d: %w", n, err)
		}
		s.count(backups, 1)
		return nil
	})
}

// awaitReload waits until the instance has logged that it has reloaded, as
// often as it was asked to.
func (s *side) awaitReload(ctx context.Context, times int) error {
	return await(ctx, "a reload", 5*time.Millisecond, func() (bool, error) {
		return s.daemon.reloaded.Load() >= int64(times), nil
	})
}

// backUp takes a copy of the database and has it verified.
func (s *side) backUp(ctx context.Context) error {
	copied, err := s.page(ctx, "/api/v1/backup")
	if err != nil {
		return err
	}
	path := s.h.file + ".copy"
	if err := os.WriteFile(path, copied, 0o600); err != nil {
		return err
	}
	return s.h.verify(ctx, path)
}
