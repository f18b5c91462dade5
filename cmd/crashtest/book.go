package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"keeptrack/tracker"
)

// book has what the daemon has acknowledged.
type book struct {
	index map[tracker.InfoHash]int

	mu       sync.Mutex // guards what follows
	accounts []account
	acks     []ack  // those that are not sure yet, in order
	looks    []look // at the metrics; none before the one that still proves something
}

// account is what is known of one torrent.
type account struct {
	hash tracker.InfoHash
	// base is what was in the file when it was looked at last, and kept says
	// whether anything was.
	base tracker.Record
	kept bool
	// peers is the number of those that have announced since the run began. None
	// announces twice: one that is restored has its download counted already.
	peers uint64
	// The completed downloads that have since been sent, been acknowledged, and
	// been acknowledged before a checkpoint began that is complete.
	sent, acked, sure uint64
	// sureMinute is the unix minute in which the latest of the sure ones was
	// sent, or an earlier one.
	sureMinute uint32
}

// ack is an acknowledgement.
type ack struct {
	torrent int
	sent    uint32 // unix minute
	at      time.Time
}

// look is the number of completed checkpoints at a moment not before at.
type look struct {
	at          time.Time
	checkpoints uint64
}

// hashes draws n info hashes.
func hashes(seed uint64, n int) []tracker.InfoHash {
	all := make([]tracker.InfoHash, n)
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	rng := rand.NewChaCha8(key)
	for i := range all {
		rng.Read(all[i][:]) // never fails
	}
	return all
}

func newBook(torrents []tracker.InfoHash) *book {
	b := &book{index: make(map[tracker.InfoHash]int, len(torrents)), accounts: make([]account, len(torrents))}
	for i, h := range torrents {
		b.index[h] = i
		b.accounts[i].hash = h
	}
	return b
}

// imported returns the first n torrents, announced last at a time, as text that
// keeptrack imports, and notes that they are to be in the file.
func (b *book) imported(n int, last time.Time) (text []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.accounts[:n] {
		a := &b.accounts[i]
		a.base = tracker.Record{InfoHash: a.hash, LastAnnounce: minute(last), Downloaded: 1 + uint64(i%1000)}
		a.kept = true
		text = fmt.Appendf(text, "%s\t%d\t%d\n", a.hash, a.base.Downloaded, a.base.LastAnnounce)
	}
	return text
}

// sending notes that a completed download is about to be sent, and returns the number
// of its peer in the torrent, from 1.
func (b *book) sending(torrent int) uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := &b.accounts[torrent]
	a.sent++
	a.peers++
	return a.peers
}

// acknowledged notes the acknowledgement, received now, of a completed download
// first sent at a time.
func (b *book) acknowledged(torrent int, sent time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.accounts[torrent].acked++
	b.acks = append(b.acks, ack{torrent, minute(sent), time.Now()})
}

// looked notes what a look at the metrics has told that began at a time. A
// checkpoint that is the second to end after an earlier look began after it:
// what had been acknowledged before that look is sure.
func (b *book) looked(at time.Time, checkpoints uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looks = append(b.looks, look{at, checkpoints})
	proof := -1
	for i, l := range b.looks {
		if l.checkpoints+2 <= checkpoints {
			proof = i
		}
	}
	if proof < 0 {
		return
	}
	b.secure(b.looks[proof].at)
	b.looks = b.looks[proof+1:]
}

// secure takes it that what was acknowledged before a moment is in the file.
func (b *book) secure(before time.Time) {
	n := 0
	for n < len(b.acks) && b.acks[n].at.Before(before) {
		a := &b.accounts[b.acks[n].torrent]
		a.sure++
		a.sureMinute = max(a.sureMinute, b.acks[n].sent)
		n++
	}
	b.acks = b.acks[n:]
}

// stopped notes that the daemon has stopped cleanly: everything is in the file.
func (b *book) stopped() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.secure(time.Now())
}

// minute returns the unix minute of a time.
func minute(t time.Time) uint32 { return uint32(t.Unix() / 60) }
