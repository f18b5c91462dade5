package tracker

import "testing"

// TestNoAllocations checks the ways of packets on torrents that are there.
func TestNoAllocations(t *testing.T) {
	for _, size := range []int{1, 3, 20, 250, 2000} {
		for _, f := range []Family{IPv4, IPv6} {
			b := newRig(t, nil)
			b.PublishTo(func(SyncRecord) {})
			for i := range size {
				b.leech(hashA, peerN(f, i))
				b.seed(hashA, peerN(f, 10_000+i))
			}
			now := b.now()
			r := Reply{Peers4: make([]byte, 0, 200*CompactSize4), Peers6: make([]byte, 0, 200*CompactSize6)}
			announce := func(a Announce) {
				r.Peers4, r.Peers6 = r.Peers4[:0], r.Peers6[:0]
				a.InfoHash, a.NumWant, a.Limit, a.BothFamilies = hashA, 200, 255, true
				b.Announce(now, &a, &r)
			}
			for name, do := range map[string]func(){
				"renewal":     func() { announce(Announce{Peer: peerN(f, 0), Left: 1}) },
				"role change": func() { announce(Announce{Peer: peerN(f, 0)}); announce(Announce{Peer: peerN(f, 0), Left: 1}) },
				"completed": func() {
					announce(Announce{Peer: peerN(f, 0), Event: EventCompleted})
					announce(Announce{Peer: peerN(f, 0), Left: 1})
				},
				"stop and start": func() {
					announce(Announce{Peer: peerN(f, 0), Event: EventStopped})
					announce(Announce{Peer: peerN(f, 0), Left: 1})
				},
				"not stored": func() { announce(Announce{Peer: MakePeer(peerN(f, 0).Addr(), 0), Left: 1}) },
				"scrape":     func() { b.Scrape(now, hashA) },
				"live sync":  func() { b.ApplySync(now, &SyncRecord{InfoHash: hashA, Peer: peerN(f, 0)}) },
				"live sync stop and start": func() {
					b.ApplySync(now, &SyncRecord{InfoHash: hashA, Peer: peerN(f, 0), Flags: SyncStopped})
					b.ApplySync(now, &SyncRecord{InfoHash: hashA, Peer: peerN(f, 0)})
				},
			} {
				if n := testing.AllocsPerRun(100, do); n != 0 {
					t.Errorf("%s with 2·%d %v peers: %v allocations", name, size, f, n)
				}
			}
		}
	}
}
