package tracker

import (
	"math/rand/v2"
	"time"
)

// model is a tracker as simple as can be, to compare the real one with. Its
// options are those of the real one; time is in seconds since the epoch.
type model struct {
	o         Options
	now       int64
	torrents  map[InfoHash]*modelTorrent
	recent    map[int][]modelStop // by shard, the oldest first
	shardOf   func(InfoHash) int
	completed uint64
}

type modelTorrent struct {
	minute     uint32
	downloaded uint64
	swarms     [2]modelSwarm
}

// modelSwarm holds the peers of one family.
type modelSwarm struct {
	peers   []*modelPeer
	byPeer  map[Peer]*modelPeer
	seeders int
	paused  int
}

type modelPeer struct {
	peer                      Peer
	at                        int // in modelSwarm.peers
	seeder, paused, completed bool
	last                      int64
}

type modelStop struct {
	hash   InfoHash
	peer   Peer
	second int64
}

func newModel(o Options) *model {
	return &model{o: o, torrents: make(map[InfoHash]*modelTorrent), recent: make(map[int][]modelStop)}
}

func (m *model) minute() uint32 { return uint32((epoch.Unix() + m.now) / 60) }

// torrent returns a torrent; it makes it if it is not there, unless there are
// too many.
func (m *model) torrent(h InfoHash) *modelTorrent {
	if t := m.torrents[h]; t != nil || len(m.torrents) >= m.o.MaxTorrents {
		return t
	}
	t := &modelTorrent{}
	t.swarms[IPv4].byPeer, t.swarms[IPv6].byPeer = make(map[Peer]*modelPeer), make(map[Peer]*modelPeer)
	m.torrents[h] = t
	return t
}

// announce returns what is to be published of an announce, and whether anything is.
func (m *model) announce(a *Announce) (SyncRecord, bool) {
	record := SyncRecord{InfoHash: a.InfoHash, Peer: a.Peer}
	if a.Peer.Port() == 0 {
		return record, false
	}
	if a.Event == EventStopped {
		record.Flags = SyncStopped
		t := m.torrents[a.InfoHash]
		if t == nil || !m.remove(a.InfoHash, t, a.Peer) {
			record.Flags |= SyncStray
			return record, true
		}
		t.minute = m.minute()
		return record, true
	}
	t := m.torrent(a.InfoHash)
	if t == nil {
		return record, false
	}
	t.minute = m.minute()
	p, known := t.swarms[a.Peer.Family()].get(a.Peer)
	published := !known || m.now-p.last > int64(m.o.RenewAfter/time.Second) || p.seeder != (a.Left == 0) ||
		m.quarter(&a.InfoHash, m.now) != m.quarter(&a.InfoHash, p.last)
	if a.Left == 0 {
		record.Flags |= SyncSeeding
	}
	if a.Left == 0 && a.Event == EventCompleted && !p.completed {
		p.completed = true
		t.downloaded++
		m.completed++
		published = true
		record.Flags |= SyncComplete
	}
	t.swarms[a.Peer.Family()].set(p, a.Left == 0, a.Left != 0 && a.Event == EventPaused)
	p.last = m.now
	return record, published
}

// quarter returns in which quarter of a peer timeout a moment is, as counted for
// one torrent.
func (m *model) quarter(h *InfoHash, at int64) int64 {
	return (at + int64(h[1]) + int64(h[2])<<8) / (ticksPerTimeout / 4)
}

func (m *model) sync(r *SyncRecord) SyncResult {
	if r.Peer.Port() == 0 {
		return SyncBadPeer
	}
	if r.Flags&SyncStopped != 0 {
		if t := m.torrents[r.InfoHash]; t != nil {
			m.remove(r.InfoHash, t, r.Peer)
			t.minute = m.minute()
		}
		return SyncApplied
	}
	t := m.torrent(r.InfoHash)
	if t == nil {
		return SyncFull
	}
	t.minute = m.minute()
	p, _ := t.swarms[r.Peer.Family()].get(r.Peer)
	if r.Flags&SyncComplete != 0 && !p.completed {
		p.completed = true
		if !m.stoppedLately(r.InfoHash, r.Peer) {
			t.downloaded++
			m.completed++
		}
	}
	t.swarms[r.Peer.Family()].set(p, r.Flags&SyncSeeding != 0, false)
	p.last = m.now
	return SyncApplied
}

func (m *model) merge(r Record) (uint64, SyncResult) {
	t := m.torrents[r.InfoHash]
	if t == nil {
		if m.outlived(r.LastAnnounce, r.Downloaded) {
			return 0, SyncTooOld
		}
		if len(m.torrents) >= m.o.MaxTorrents-m.o.MaxTorrents/32 {
			return 0, SyncFull
		}
		t = m.torrent(r.InfoHash)
	}
	local := t.downloaded
	t.downloaded = max(t.downloaded, r.Downloaded)
	t.minute = max(t.minute, r.LastAnnounce)
	return local, SyncApplied
}

func (m *model) remove(h InfoHash, t *modelTorrent, p Peer) bool {
	s := &t.swarms[p.Family()]
	old := s.byPeer[p]
	if old == nil {
		return false
	}
	if old.completed {
		shard := m.shardOf(h)
		m.recent[shard] = append(m.recent[shard], modelStop{h, p, m.now})
	}
	s.delete(old)
	return true
}

// stoppedLately says whether the peer is among the last 32 of its shard that
// stopped after a counted download, and did so within the last minute.
func (m *model) stoppedLately(h InfoHash, p Peer) bool {
	stops := m.recent[m.shardOf(h)]
	for _, s := range stops[max(len(stops)-32, 0):] {
		if s.hash == h && s.peer == p && m.now-s.second <= 60 {
			return true
		}
	}
	return false
}

func (m *model) outlived(minute uint32, downloaded uint64) bool {
	keep := m.o.TorrentTimeout
	if downloaded == 0 {
		keep = m.o.PeerTimeout
	}
	return epoch.Unix()+m.now-int64(minute)*60 >= int64(keep/time.Second)
}

func (m *model) sweep() {
	for h, t := range m.torrents {
		for f := range t.swarms {
			s := &t.swarms[f]
			for i := len(s.peers) - 1; i >= 0; i-- {
				if m.now-s.peers[i].last >= int64(m.o.PeerTimeout/time.Second) {
					s.delete(s.peers[i])
				}
			}
		}
		if t.size() == 0 && m.outlived(t.minute, t.downloaded) {
			delete(m.torrents, h)
		}
	}
}

func (t *modelTorrent) size() int { return len(t.swarms[IPv4].peers) + len(t.swarms[IPv6].peers) }

func (t *modelTorrent) counts() Counts {
	c := Counts{Downloaded: t.downloaded}
	for f := range t.swarms {
		s := &t.swarms[f]
		c.Seeders += uint32(s.seeders)
		c.Leechers += uint32(len(s.peers) - s.seeders)
		c.Downloaders += uint32(len(s.peers) - s.seeders - s.paused)
	}
	return c
}

// get returns the swarm's peer p, which it makes if need be.
func (s *modelSwarm) get(p Peer) (_ *modelPeer, known bool) {
	if old := s.byPeer[p]; old != nil {
		return old, true
	}
	n := &modelPeer{peer: p, at: len(s.peers)}
	s.byPeer[p] = n
	s.peers = append(s.peers, n)
	return n, false
}

func (s *modelSwarm) set(p *modelPeer, seeder, paused bool) {
	s.count(p, -1)
	p.seeder, p.paused = seeder, paused
	s.count(p, 1)
}

func (s *modelSwarm) delete(p *modelPeer) {
	s.count(p, -1)
	last := s.peers[len(s.peers)-1]
	s.peers[p.at], last.at = last, p.at
	s.peers = s.peers[:len(s.peers)-1]
	delete(s.byPeer, p.peer)
}

func (s *modelSwarm) count(p *modelPeer, by int) {
	if p.seeder {
		s.seeders += by
	}
	if p.paused {
		s.paused += by
	}
}

// any returns one of the swarm's peers, if there are any.
func (s *modelSwarm) any(rng *rand.Rand) (Peer, bool) {
	if len(s.peers) == 0 {
		return Peer{}, false
	}
	return s.peers[rng.IntN(len(s.peers))].peer, true
}
