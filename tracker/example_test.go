package tracker_test

import (
	"fmt"
	"net/netip"
	"time"

	"keeptrack/tracker"
)

// A front end turns a request into an Announce and encodes the Reply. The second
// client of a torrent is told of the first.
func Example() {
	now := time.Now()
	t := tracker.New(tracker.Options{
		AnnounceInterval: 30 * time.Minute,
		PeerTimeout:      45 * time.Minute,
		DefaultNumWant:   50,
		MaxNumWant:       200,
		AllowPrivate:     true, // the addresses below are for documentation
	}, now)
	hash, err := tracker.ParseInfoHash("5024e27a65da1e1ea6dc6a51168cb2d710cfc5e6")
	if err != nil {
		fmt.Println(err)
		return
	}
	var r tracker.Reply
	for _, client := range []struct {
		address string
		left    uint64
	}{{"192.0.2.1", 0}, {"192.0.2.2", 1 << 20}} {
		r.Peers4 = r.Peers4[:0]
		t.Announce(t.Instant(now), &tracker.Announce{
			InfoHash: hash,
			Peer:     tracker.MakePeer(netip.MustParseAddr(client.address), 6881),
			Left:     client.left,
			Event:    tracker.EventStarted,
			NumWant:  -1, // as many as the tracker likes
			Limit:    tracker.MaxPeers,
		}, &r)
	}
	fmt.Println("interval", r.Interval, "seeders", r.Seeders, "leechers", r.Leechers)
	fmt.Println("peer", netip.AddrFrom4([4]byte(r.Peers4)))

	// Output:
	// interval 1800 seeders 1 leechers 1
	// peer 192.0.2.1
}
