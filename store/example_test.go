package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/store"
	"keeptrack/tracker"
)

// A tracker's counts outlive it: a checkpoint writes what has changed, and the next
// tracker loads it.
func Example() {
	dir, err := os.MkdirTemp("", "keeptrack-example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path, hash := filepath.Join(dir, "keeptrack.db"), tracker.InfoHash{1}

	// withTracker runs fn with a tracker that has loaded the file, and then writes
	// what has changed.
	withTracker := func(fn func(t *tracker.Tracker, now tracker.Instant)) error {
		s, err := store.Open(path, zerolog.Nop())
		if err != nil {
			return err
		}
		t := tracker.New(tracker.Options{PeerTimeout: time.Hour, AllowPrivate: true}, time.Now())
		now := t.Instant(time.Now())
		if _, err := s.Load(func(r tracker.Record) { t.Load(now, r) }); err != nil {
			return errors.Join(err, s.Close())
		}
		fn(t, now)
		_, err = s.Checkpoint(t, store.Along{})
		return errors.Join(err, s.Close())
	}
	err = withTracker(func(t *tracker.Tracker, now tracker.Instant) {
		var r tracker.Reply
		t.Announce(now, &tracker.Announce{
			InfoHash: hash,
			Peer:     tracker.MakePeer4([4]byte{192, 0, 2, 1}, 6881),
			Event:    tracker.EventCompleted,
		}, &r)
		fmt.Println("first run: seeders", r.Seeders, "downloaded", r.Downloaded)
	})
	err = errors.Join(err, withTracker(func(t *tracker.Tracker, now tracker.Instant) {
		c := t.Scrape(now, hash)
		fmt.Println("second run: seeders", c.Seeders, "downloaded", c.Downloaded)
	}))
	if err != nil {
		fmt.Println(err)
	}

	// Output:
	// first run: seeders 1 downloaded 1
	// second run: seeders 0 downloaded 1
}
