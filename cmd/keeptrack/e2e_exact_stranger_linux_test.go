package main

import (
	"context"
	"net"
	"sync"
	"time"

	"golang.org/x/net/ipv4"

	syncwire "keeptrack/livesync/wire"
	"keeptrack/tracker"
)

// swarmPeerOf names a peer in a torrent.
type swarmPeerOf struct {
	hash tracker.InfoHash
	peer tracker.Peer
}

// stranger is an instance on a host that speaks nothing but the original protocol: it sends
// and takes peers, beacons, inquiries and tells.
type stranger struct {
	c    *cluster
	host int
	id   syncwire.ID
	in   *net.UDPConn
	out  *ipv4.PacketConn
	done sync.WaitGroup

	mu        sync.Mutex
	totals    map[tracker.InfoHash]uint64
	completed map[swarmPeerOf]bool
	number    map[tracker.InfoHash]int // of the torrents
	waiting   []tracker.SyncRecord     // completions to be sent
	deaf      bool
	wants     bool // to be told by the next that says how many torrents it has
	told      int  // records of tells that raised a count
	asked     int  // inquiries answered
}

// groupAddress is where instances hear each other by default.
var groupAddress = &net.UDPAddr{IP: net.IPv4(224, 0, 42, 5), Port: 9696}

// newStranger runs one on host i until ctx is done. What it counts is never more than
// what clients have sent.
func (c *cluster) newStranger(ctx context.Context, i int) *stranger {
	c.t.Helper()
	s := &stranger{
		c: c, host: i, id: syncwire.ID{'s', 'e', 'e', 'd'},
		totals: make(map[tracker.InfoHash]uint64), completed: make(map[swarmPeerOf]bool), number: make(map[tracker.InfoHash]int),
	}
	for k, h := range c.hashes {
		s.number[h] = k
	}
	within(c.t, c.hosts[i], func() {
		eth0, err := net.InterfaceByName("eth0")
		if err != nil {
			c.t.Error(err)
			return
		}
		if s.in, err = net.ListenMulticastUDP("udp4", eth0, groupAddress); err != nil {
			c.t.Error(err)
			return
		}
		out, err := net.ListenPacket("udp4", address(i)+":0")
		if err != nil {
			c.t.Error(err)
			return
		}
		s.out = ipv4.NewPacketConn(out)
		if err := s.out.SetMulticastInterface(eth0); err != nil {
			c.t.Error(err)
		}
	})
	if c.t.Failed() {
		c.t.FailNow()
	}
	ctx, cancel := context.WithCancel(ctx)
	context.AfterFunc(ctx, func() { // what waits is sent before the end
		s.mu.Lock()
		defer s.mu.Unlock()
		s.flush()
		s.in.Close()
	})
	c.t.Cleanup(func() { cancel(); s.done.Wait(); s.out.Close() })
	s.done.Go(s.receive)
	s.done.Go(func() { s.beat(ctx) })
	return s
}

func (s *stranger) send(packet []byte) {
	if _, err := s.out.WriteTo(packet, nil, groupAddress); err != nil {
		s.c.t.Errorf("the stranger: %v", err)
	}
}

// beat sends what waits, and every interval how many torrents there are.
func (s *stranger) beat(ctx context.Context) {
	for k := time.Duration(1); ; k++ {
		select {
		case <-ctx.Done():
			return
		case <-time.After(exactDelay):
		}
		s.mu.Lock()
		s.flush()
		if len(s.totals) > 0 && k%(exactInterval/exactDelay) == 0 {
			s.send(syncwire.AppendBeacon(nil, s.id, uint64(len(s.totals))))
		}
		s.mu.Unlock()
	}
}

// flush sends the completions that wait.
func (s *stranger) flush() {
	const most = 52
	for len(s.waiting) > 0 {
		packet := syncwire.AppendHeader(nil, s.id, syncwire.KindLive)
		some := s.waiting[:min(most, len(s.waiting))]
		for i := range some {
			packet = syncwire.AppendSync(packet, &some[i])
		}
		s.send(packet)
		s.waiting = s.waiting[len(some):]
	}
}

// receive takes packets until the socket is closed.
func (s *stranger) receive() {
	buf := make([]byte, 2048)
	for {
		n, _, err := s.in.ReadFromUDP(buf)
		if err != nil {
			return
		}
		if p, err := syncwire.Parse(buf[:n]); err == nil && p.From != s.id {
			s.take(p)
		}
	}
}

func (s *stranger) take(p syncwire.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deaf {
		return
	}
	switch p.Kind {
	case syncwire.KindLive:
		var r tracker.SyncRecord
		for i := range p.Records() {
			p.Sync(i, &r)
			s.takeLive(&r)
		}
	case syncwire.KindTell:
		for i := range p.Records() {
			if r := p.Tell(i); r.Downloaded > s.totals[r.InfoHash] {
				s.raise(r.InfoHash, r.Downloaded)
				s.told++
			}
		}
	case syncwire.KindBeacon:
		if s.wants || float64(len(s.totals)) < 0.75*float64(p.Torrents()) {
			s.wants = false
			s.send(syncwire.AppendInquire(nil, s.id, p.From))
		}
	case syncwire.KindInquire:
		if p.Target() == s.id {
			s.asked++
			s.tell()
		}
	}
}

// takeLive counts a completion of a peer that has not completed before.
func (s *stranger) takeLive(r *tracker.SyncRecord) {
	who := swarmPeerOf{r.InfoHash, r.Peer}
	switch {
	case r.Flags&tracker.SyncStopped != 0:
		delete(s.completed, who)
	case r.Flags&tracker.SyncComplete != 0 && !s.completed[who]:
		s.completed[who] = true
		s.raise(r.InfoHash, s.totals[r.InfoHash]+1)
	default:
		s.raise(r.InfoHash, s.totals[r.InfoHash])
	}
}

// raise sets a count.
func (s *stranger) raise(h tracker.InfoHash, n uint64) {
	s.totals[h] = n
	if k, ok := s.number[h]; ok && n > s.c.issued[k].Load() {
		s.c.t.Errorf("the stranger has %d completions of torrent %d, of %d that there were", n, k, s.c.issued[k].Load())
	}
}

// tell sends all counts.
func (s *stranger) tell() {
	const most = 45
	var packet []byte
	records := 0
	for h, n := range s.totals {
		if records == 0 {
			packet = syncwire.AppendHeader(nil, s.id, syncwire.KindTell)
		}
		packet = syncwire.AppendTell(packet, syncwire.TellRecord{InfoHash: h, Downloaded: n})
		if records++; records == most {
			s.send(packet)
			records = 0
		}
	}
	if records > 0 {
		s.send(packet)
	}
}

// setDeaf has it miss all packets, or hear again, and ask for what it missed.
func (s *stranger) setDeaf(deaf bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deaf, s.wants = deaf, !deaf
}

// until waits until something is so.
func (s *stranger) until(what string, so func() bool) {
	s.c.t.Helper()
	waitFor(s.c.t, what, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return so()
	})
}

// complete has the n-th downloader of the cluster complete at the stranger.
func (s *stranger) complete(n uint64) {
	k, port := s.c.place(n)
	r := tracker.SyncRecord{
		InfoHash: s.c.hashes[k], Flags: tracker.SyncSeeding | tracker.SyncComplete,
		Peer: tracker.MakePeer4([4]byte{127, 2, 0, 1}, port),
	}
	s.c.issued[k].Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.takeLive(&r)
	s.waiting = append(s.waiting, r)
	s.c.accepted[k].Add(1)
}

// library returns what the stranger's file would have.
func (s *stranger) library() (all library) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for h, n := range s.totals {
		all = append(all, tracker.Record{InfoHash: h, Downloaded: n, LastAnnounce: uint32(time.Now().Unix() / 60)})
	}
	return all
}
