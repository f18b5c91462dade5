package livesync

import (
	"iter"
	"time"

	"keeptrack/livesync/wire"
	"keeptrack/tracker"
	"keeptrack/tracker/peergroup"
)

// packing makes the packets of a stream of peers: a walk through the peers of every
// shard, a piece at a time.
type packing struct {
	tracker  Tracker
	id, to   wire.ID
	stream   uint32
	room     int // bytes in a packet
	pull     func() ([]tracker.PeerState, bool)
	stop     func() // ends the walk
	open     *sent  // the packet that is being filled; nil: none
	number   uint32 // of the next packet
	peers    uint64 // so far
	finished bool
}

// packBatch is the number of packets that are made at a time.
const packBatch = 64

func newPacking(t Tracker, id, to wire.ID, stream uint32, room int) *packing {
	p := &packing{tracker: t, id: id, to: to, stream: stream, room: room}
	p.pull, p.stop = iter.Pull(allPeers(t))
	return p
}

// allPeers returns the peers of all shards in pieces.
func allPeers(t Tracker) iter.Seq[[]tracker.PeerState] {
	return func(yield func([]tracker.PeerState) bool) {
		for shard := range tracker.ShardCount {
			for piece := range t.PeerStates(shard, time.Now) {
				if !yield(piece) {
					return
				}
			}
		}
	}
}

// more returns the next packets, about packBatch of them. The last one is the end of
// the stream.
func (p *packing) more(now time.Time) (packets []*sent) {
	for len(packets) < packBatch && !p.finished {
		piece, ok := p.pull()
		if !ok {
			p.finished = true
			break
		}
		packets = p.add(packets, piece, now)
	}
	packets = p.close(packets) // the ages of what comes later are as of then
	if p.finished {
		p.stop()
		packets = append(packets, &sent{packet: wire.AppendPeersEnd(nil, p.id, p.to, p.stream, p.number), last: true})
	}
	return packets
}

// add packs peers, of which those of a torrent follow each other, and appends the
// packets that have become full.
func (p *packing) add(packets []*sent, peers []tracker.PeerState, now time.Time) []*sent {
	access := p.tracker.Access()
	for len(peers) > 0 {
		run := peers[:peergroup.Run(peers)]
		peers = peers[len(run):]
		if access.Refuses(&run[0].InfoHash) {
			continue
		}
		for len(run) > 0 {
			if p.open == nil {
				b := make([]byte, 0, p.room)
				p.open = &sent{packet: wire.AppendPeers(b, p.id, p.to, p.stream, p.number), looked: now}
			}
			n := peergroup.Fit(run, p.room-len(p.open.packet))
			if n == 0 { // an empty packet has room for any peer: wire.SmallestPacket
				packets = p.close(packets)
				continue
			}
			p.open.packet = peergroup.Append(p.open.packet, run[:n])
			p.peers += uint64(n)
			run = run[n:]
		}
	}
	return packets
}

// close appends the packet that is being filled, if there is one.
func (p *packing) close(packets []*sent) []*sent {
	if p.open == nil {
		return packets
	}
	packets = append(packets, p.open)
	p.open = nil
	p.number++
	return packets
}
