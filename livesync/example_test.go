package livesync_test

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/livesync"
	"keeptrack/livesync/transport"
	"keeptrack/livesync/transport/memory"
	"keeptrack/tracker"
)

// hearing is a tracker that reports each peer that another instance published, once
// it has taken it in.
type hearing struct {
	*tracker.Tracker
	heard chan tracker.SyncRecord
}

func (h hearing) ApplySync(now tracker.Instant, r *tracker.SyncRecord) tracker.SyncResult {
	result := h.Tracker.ApplySync(now, r)
	h.heard <- *r
	return result
}

// A client announces to one instance, whose node publishes it, and another instance
// takes it in. The network is in memory; transport/multicast carries packets
// between hosts.
func Example() {
	network := memory.New(memory.Options{Limits: transport.Limits{MaxPacket: 1472}})
	options := livesync.Options{
		MaxDelay:       10 * time.Millisecond,
		BeaconInterval: time.Minute,
		TellRate:       1000,
		PeerRate:       4_000_000,
		Log:            zerolog.Nop(),
	}
	newTracker := func() *tracker.Tracker {
		return tracker.New(tracker.Options{PeerTimeout: time.Hour, AllowPrivate: true}, time.Now())
	}
	here, there := newTracker(), hearing{newTracker(), make(chan tracker.SyncRecord)}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	stopped := make(chan error)
	for _, t := range []livesync.Tracker{here, there} {
		node, err := livesync.New(options, network.Join(), t)
		if err != nil {
			fmt.Println(err)
			return
		}
		go func() { stopped <- node.Run(ctx) }()
	}
	here.Announce(here.Instant(time.Now()), &tracker.Announce{
		InfoHash: tracker.InfoHash{1},
		Peer:     tracker.MakePeer4([4]byte{192, 0, 2, 1}, 6881),
		Event:    tracker.EventStarted,
	}, new(tracker.Reply))
	fmt.Println("heard of", (<-there.heard).Peer)
	fmt.Println("seeders", there.Scrape(there.Instant(time.Now()), tracker.InfoHash{1}).Seeders)

	stop()
	fmt.Println(<-stopped, <-stopped)

	// Output:
	// heard of 192.0.2.1:6881
	// seeders 1
	// <nil> <nil>
}
