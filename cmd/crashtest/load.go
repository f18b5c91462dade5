package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"keeptrack/tracker"
	"keeptrack/tracker/bep15"
)

// batchEvery is the time between two batches of announces.
const batchEvery = 10 * time.Millisecond

// Three of four announces are of the first busyShare-th of the torrents, so
// that some have many changes and the others are not left alone either.
const busyShare = 15

// load announces completed downloads, each of a peer that the daemon has not
// heard of, so that one that is sent twice counts once.
type load struct {
	book  *book
	wire  *wire
	batch int // announces each time
	rng   *rand.Rand
}

// completion is one announce.
type completion struct {
	torrent int
	port    uint16
	sent    time.Time
}

// run announces until ctx is done.
func (l *load) run(ctx context.Context) error {
	ticker := time.NewTicker(batchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		for left := l.batch; left > 0; left -= window {
			if err := l.announce(ctx, min(left, window)); err != nil {
				return err
			}
		}
	}
}

// announce announces n completed downloads.
func (l *load) announce(ctx context.Context, n int) error {
	all := make([]completion, n)
	for i := range all {
		t := l.pick()
		all[i] = completion{t, uint16(l.book.sending(t)), time.Now()}
	}
	return l.wire.exchange(ctx, n, func(i int, transaction uint32) []byte {
		return bep15.AnnounceRequest{
			ConnectionID:  l.wire.id,
			TransactionID: transaction,
			InfoHash:      l.book.accounts[all[i].torrent].hash,
			Event:         uint32(tracker.EventCompleted),
			Port:          all[i].port,
		}.Append(nil)
	}, func(i int, reply []byte) error {
		if _, err := bep15.ParseAnnounceReply(reply, tracker.IPv4); err != nil {
			return fmt.Errorf("an announce is answered %q: %w", reply, err)
		}
		l.book.acknowledged(all[i].torrent, all[i].sent)
		return nil
	})
}

// pick chooses a torrent that is not left to the access list.
func (l *load) pick() int {
	n := len(l.book.accounts) - overridden
	if l.rng.IntN(4) > 0 {
		n /= busyShare
	}
	return overridden + l.rng.IntN(n)
}

// scrape asks for the counts of all torrents of a daemon just started, which
// are to be those of the file, and of refused torrents none.
func (b *book) scrape(ctx context.Context, w *wire, refused map[tracker.InfoHash]bool) error {
	for first := 0; first < len(b.accounts); first += window * bep15.MaxScrape {
		group := b.accounts[first:min(first+window*bep15.MaxScrape, len(b.accounts))]
		n := (len(group) + bep15.MaxScrape - 1) / bep15.MaxScrape
		part := func(i int) []account {
			return group[i*bep15.MaxScrape : min((i+1)*bep15.MaxScrape, len(group))]
		}
		err := w.exchange(ctx, n, func(i int, transaction uint32) []byte {
			return scrapeRequest(w.id, transaction, part(i))
		}, func(i int, reply []byte) error { return compareScrape(part(i), refused, reply) })
		if err != nil {
			return err
		}
	}
	return nil
}

func scrapeRequest(id uint64, transaction uint32, torrents []account) []byte {
	r := bep15.ScrapeRequest{ConnectionID: id, TransactionID: transaction}
	for i := range torrents {
		r.InfoHashes = append(r.InfoHashes, torrents[i].hash[:]...)
	}
	return r.Append(nil)
}

// compareScrape holds a reply against what was in the file.
func compareScrape(torrents []account, refused map[tracker.InfoHash]bool, reply []byte) error {
	r, err := bep15.ParseScrapeReply(reply)
	if err != nil || r.Len() != len(torrents) {
		return fmt.Errorf("a scrape of %d torrents is answered %q: %w", len(torrents), reply, err)
	}
	for i, a := range torrents {
		want := a.base.Downloaded
		if refused[a.hash] {
			want = 0
		}
		if got := uint64(r.Row(i).Completed); got != want {
			return fmt.Errorf("torrent %s is served with %d downloads, the file has %d, refused: %v", a.hash, got, a.base.Downloaded, refused[a.hash])
		}
	}
	return nil
}
