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

// An instance publishes a peer, and another one takes it in. The network is in
// memory; transport/multicast carries packets between hosts.
func Example() {
	network := memory.New(memory.Options{Limits: transport.Limits{MaxPacket: 1472}})
	options := livesync.Options{
		MaxDelay:       10 * time.Millisecond,
		BeaconInterval: time.Minute,
		TellRate:       1000,
		Log:            zerolog.Nop(),
	}
	there := hearing{tracker.New(tracker.Options{PeerTimeout: time.Hour, AllowPrivate: true}, time.Now()), make(chan tracker.SyncRecord)}
	receiver, err := livesync.New(options, network.Join(), there)
	if err != nil {
		fmt.Println(err)
		return
	}
	here := tracker.New(tracker.Options{PeerTimeout: time.Hour, AllowPrivate: true}, time.Now())
	sender, err := livesync.New(options, network.Join(), here)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan error)
	for _, node := range []*livesync.Node{sender, receiver} {
		go func() { stopped <- node.Run(ctx) }()
	}
	sender.Publish(tracker.SyncRecord{
		InfoHash: tracker.InfoHash{1},
		Peer:     tracker.MakePeer4([4]byte{192, 0, 2, 1}, 6881),
		Flags:    tracker.SyncSeeding,
	})
	fmt.Println("heard of", (<-there.heard).Peer)
	fmt.Println("seeders", there.Scrape(there.Instant(time.Now()), tracker.InfoHash{1}).Seeders)
	stop()
	fmt.Println(<-stopped, <-stopped)

	// Output:
	// heard of 192.0.2.1:6881
	// seeders 1
	// <nil> <nil>
}
