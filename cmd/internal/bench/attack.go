package bench

import (
	"encoding/binary"
	"math"
	"time"

	"keeptrack/tracker/bep15"
)

// attackSources is the number of addresses that an attack comes from, of a
// range of its own.
const attackSources = 512

// attackSize bounds the datagrams of random bytes.
const attackSize = 1400

// Attack is what came of the datagrams of an attack, none of which is a request
// that a tracker must answer.
type Attack struct {
	// Rate is the datagrams a second asked for.
	Rate float64 `json:"rate"`
	// Sent are the datagrams and their bytes, Unsent those that were due but
	// for which this program was too slow.
	Sent      uint64 `json:"sent"`
	SentBytes uint64 `json:"sent_bytes"`
	Unsent    uint64 `json:"unsent"`
	// Answers are what came back, with their bytes.
	Answers     uint64 `json:"answers"`
	AnswerBytes uint64 `json:"answer_bytes"`
}

// attacker sends datagrams that make no sense beside a load.
type attacker struct {
	Attack
	pace    pace
	link    link
	seed    uint64
	packets [groupSize][]byte
	arrive  func(i int, data []byte, err error)
}

// newAttacker opens the sockets of an attack.
func newAttacker(o *Options, r route, open linkOpener) (*attacker, error) {
	r.sources, r.attack = attackSources, true
	l, err := open(r, attackSources)
	if err != nil {
		return nil, err
	}
	a := &attacker{
		Attack: Attack{Rate: o.Attack}, link: l, seed: o.Seed,
		pace: newPace(&Options{Rate: o.Attack, Duration: o.Duration}),
	}
	a.arrive = func(_ int, data []byte, _ error) {
		a.Answers++
		a.AnswerBytes += uint64(len(data))
	}
	for i := range attackSources {
		if err := l.open(i); err != nil {
			l.closeAll()
			return nil, err
		}
	}
	return a, nil
}

// step sends the groups that are due, takes in what has come, and returns when
// to look again.
func (a *attacker) step(now int64) int64 {
	for due := a.pace.ready(now, a.Sent, 0); due >= groupSize; due -= groupSize {
		for i := range a.packets {
			a.packets[i] = appendNonsense(a.packets[i][:0], a.seed, a.Sent+uint64(i))
		}
		sent, _ := a.link.send(int(a.Sent/groupSize%attackSources), a.packets[:]) // datagrams cannot fail
		for _, p := range a.packets[:sent] {
			a.SentBytes += uint64(len(p))
		}
		if a.Sent += uint64(sent); sent < groupSize {
			break
		}
	}
	a.link.receive(0, a.arrive)
	return a.pace.next(a.Sent + groupSize - 1)
}

// end takes in the last answers.
func (a *attacker) end(now int64) Attack {
	a.Unsent = a.pace.unsent(now, a.Sent) / groupSize * groupSize // whole groups
	for before := uint64(math.MaxUint64); before != a.Answers; {
		before = a.Answers
		a.link.receive(10*time.Millisecond, a.arrive)
	}
	return a.Attack
}

// appendNonsense appends datagram k of an attack: random bytes, a request that
// is too short, a wrong magic number, an unknown action, or a request whose
// connection id is wrong or has expired.
func appendNonsense(dst []byte, seed, k uint64) []byte {
	rng := newRandom(seed, ^k)
	id, transaction := rng.next(), uint32(rng.next())
	hash := infoHash(seed, rng.next()%1000)
	announce := bep15.AnnounceRequest{
		ConnectionID: id, TransactionID: transaction, InfoHash: hash, Port: 6881, NumWant: -1,
	}
	header := bep15.RequestHeader{ConnectionID: id, Action: bep15.ActionAnnounce, TransactionID: transaction}
	start := len(dst)
	switch kind := rng.below(16); {
	case kind < 4:
		for range 1 + rng.below(attackSize/8) {
			dst = binary.LittleEndian.AppendUint64(dst, rng.next())
		}
	case kind < 6:
		dst = announce.Append(dst)
		dst = dst[:start+1+int(rng.below(bep15.AnnounceRequestSize-1))]
	case kind < 7:
		header.ConnectionID, header.Action = bep15.Magic^1<<56, bep15.ActionConnect
		dst = header.Append(dst)
	case kind < 8:
		dst = announce.Append(dst)
		header.Action ^= 1 << 24
		header.Append(dst[:start]) // over the announce's own
	case kind < 10:
		dst = bep15.ScrapeRequest{ConnectionID: id, TransactionID: transaction, InfoHashes: hash[:]}.Append(dst)
	default:
		dst = announce.Append(dst)
	}
	return dst
}
