package tracker

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"keeptrack/cmd/testenv"
)

// The random runs use few torrents, in two shards, so that each meets many
// changes.
var runShards = [...]int{7, 200}

// A run has phases of many steps each.
const (
	runPhases  = 24
	phaseSteps = 1500
)

// plan says what a random run is about.
type plan struct {
	torrents int
	atOnce   int   // how many of them the steps of a phase are about
	hot      int   // of five steps, how many are about one of those
	pace     int64 // most seconds from a step to the next
	complete int   // one in so many announces tells of a completed download
	sizes    [2][]int
}

// In swarmRun a few swarms grow past a thousand peers and shrink again; in
// torrentRun a lot of small torrents come and go.
var (
	swarmRun = plan{
		torrents: 24, atOnce: 24, hot: 4, pace: 1, complete: 5,
		sizes: [2][]int{{5, 40, 200, 500, 1300}, {0, 1, 2, 3, 4, 5, 8, 14, 30, 70, 150, 300}},
	}
	torrentRun = plan{
		torrents: 3000, atOnce: 500, hot: 0, pace: 20, complete: 150,
		sizes: [2][]int{{0}, {0}},
	}
)

// run is one random run: the tracker, the model, and what a database fed with
// the tracker's changes would hold.
type run struct {
	*rig
	plan      plan
	model     *model
	rng       *rand.Rand
	hashes    []InfoHash
	first     int      // of the hashes that the phase is about
	hot       InfoHash // the torrent that most steps are about
	target    [2]int   // how many peers it is to have
	swept     int64
	db        map[InfoHash]Record
	unsaved   []Change // taken, but not written to db
	locations locations
}

// locations are the kinds of location that lists of peers have been seen in.
type locations map[locationKind]bool

type locationKind struct {
	family Family
	class  int
}

// TestAgainstModel does random things to a tracker and to a model and compares
// them all along.
func TestAgainstModel(t *testing.T) {
	seen := make(locations)
	runs := testenv.Pick(2, 50)
	for seed := range runs {
		t.Run(fmt.Sprint("swarms/", seed), func(t *testing.T) { newRun(t, swarmRun, seed, seen).run() })
	}
	seen.check(t)
	for seed := range runs {
		t.Run(fmt.Sprint("torrents/", seed), func(t *testing.T) { newRun(t, torrentRun, seed, seen).run() })
	}
}

func newRun(t *testing.T, p plan, seed int, seen locations) *run {
	r := &run{plan: p, rng: rand.New(rand.NewPCG(uint64(seed), 1)), locations: seen, db: make(map[InfoHash]Record)}
	r.rig = newRig(t, func(o *Options) {
		o.MaxTorrents = p.torrents * 7 / 8
		o.TorrentTimeout = 3 * time.Hour
		r.model = newModel(*o)
	})
	r.model.shardOf = r.shardOf
	for _, shard := range runShards {
		r.hashes = append(r.hashes, r.hashesIn(shard, p.torrents/len(runShards))...)
	}
	r.rng.Shuffle(len(r.hashes), func(i, j int) { r.hashes[i], r.hashes[j] = r.hashes[j], r.hashes[i] })
	return r
}

func (r *run) run() {
	for phase := range runPhases {
		r.startPhase(phase)
		for range phaseSteps {
			r.step()
			if r.t.Failed() {
				r.t.FailNow()
			}
		}
		r.compare()
	}
	r.reload()
}

// startPhase picks the torrents that the steps are about, a hot one among them
// and how large that is to become. Every other phase makes the hot torrent of
// the last one small again.
func (r *run) startPhase(phase int) {
	r.first = r.rng.IntN(r.plan.torrents - r.plan.atOnce + 1)
	if phase%2 == 0 {
		r.hot = r.hashes[r.first+r.rng.IntN(r.plan.atOnce)]
	}
	sizes := r.plan.sizes[phase%2]
	for f := range r.target {
		r.target[f] = sizes[r.rng.IntN(len(sizes))]
	}
}

func (r *run) step() {
	if r.rng.IntN(3) == 0 {
		r.pass(1 + r.rng.Int64N(r.plan.pace))
	}
	switch n := r.rng.IntN(1000); {
	case n < 780:
		r.doAnnounce()
	case n < 930:
		r.doSync()
	case n < 950:
		r.doMerge()
	case n < 970:
		h := r.anyHash()
		r.wantScrape(h, r.wantCounts(h))
	case n < 980:
		r.doSweep()
	case n < 990:
		r.checkpoint()
	case n < 991:
		// Not so far that ages wrap around before the next sweep.
		if r.model.now-r.swept < 1000 {
			r.pass(r.rng.Int64N(ticksPerTimeout))
		}
	}
	r.location(r.hot)
}

func (r *run) pass(seconds int64) {
	r.model.now += seconds
	r.advance(time.Duration(seconds) * time.Second)
}

func (r *run) anyHash() InfoHash {
	if r.rng.IntN(5) < r.plan.hot {
		return r.hot
	}
	return r.hashes[r.first+r.rng.IntN(r.plan.atOnce)]
}

// anyPeer returns a peer for a step about torrent h and says whether it is to
// stop. The hot torrent is led to its target size.
func (r *run) anyPeer(h InfoHash) (p Peer, stop bool) {
	f := Family(r.rng.IntN(2))
	n, known := 0, false
	if torrent := r.model.torrents[h]; torrent != nil {
		n = len(torrent.swarms[f].peers)
		p, known = torrent.swarms[f].any(r.rng)
	}
	want := 6
	if h == r.hot {
		want = r.target[f]
	}
	switch again := r.rng.IntN(6) == 0; {
	case n > want:
		stop = !again
	case n < want:
		known = known && again
	default:
		stop = r.rng.IntN(4) == 0
	}
	if !known {
		p = peerN(f, r.rng.IntN(2*want+4))
	}
	if r.rng.IntN(200) == 0 {
		p = MakePeer(p.Addr(), 0)
	}
	return p, stop
}

func (r *run) doAnnounce() {
	a := Announce{InfoHash: r.anyHash(), Limit: maxChoice, BothFamilies: r.rng.IntN(2) == 0}
	var stop bool
	a.Peer, stop = r.anyPeer(a.InfoHash)
	a.Left = uint64(r.rng.IntN(3))
	a.Event = []Event{EventNone, EventStarted, EventPaused, 77}[r.rng.IntN(4)]
	if r.rng.IntN(r.plan.complete) == 0 {
		a.Event = EventCompleted
	}
	if stop {
		a.Event = EventStopped
	}
	a.NumWant = []int{-1, 0, 1, 2, 7, 50, 199, 200, 201, 10_000}[r.rng.IntN(10)]
	if r.rng.IntN(4) == 0 {
		a.Limit = r.rng.IntN(80)
	}
	before := len(r.published)
	var reply Reply
	r.Announce(r.now(), &a, &reply)
	record, published := r.model.announce(&a)
	if got := r.published[before:]; published != (len(got) == 1) || published && got[0] != record {
		r.t.Errorf("announce %+v: published %+v, want %v %+v", a, got, published, record)
	}
	r.published = r.published[:0]
	r.checkReply(&a, &reply)
}

func (r *run) doSync() {
	rec := SyncRecord{InfoHash: r.anyHash()}
	var stop bool
	rec.Peer, stop = r.anyPeer(rec.InfoHash)
	rec.Flags = []SyncFlags{0, SyncSeeding}[r.rng.IntN(2)]
	if r.rng.IntN(r.plan.complete) == 0 {
		rec.Flags = SyncSeeding | SyncComplete
	}
	if stop {
		rec.Flags = SyncStopped
	}
	for range 1 + r.rng.IntN(2) { // some arrive twice
		got, want := r.ApplySync(r.now(), &rec), r.model.sync(&rec)
		if got != want || len(r.published) != 0 {
			r.t.Errorf("sync %+v: %v, want %v; published %v", rec, got, want, r.published)
		}
	}
}

func (r *run) doMerge() {
	rec := Record{
		InfoHash:     r.anyHash(),
		LastAnnounce: r.model.minute() - uint32(r.rng.IntN(250)),
		Downloaded:   r.rng.Uint64N(40),
	}
	got, res := r.Merge(r.now(), rec)
	if want, wantRes := r.model.merge(rec); got != want || res != wantRes {
		r.t.Errorf("merge %+v: %d %v, want %d %v", rec, got, res, want, wantRes)
	}
}

func (r *run) doSweep() {
	for _, shard := range runShards {
		r.sweep(shard, r.now())
	}
	r.model.sweep()
	r.swept = r.model.now
	if got := r.Torrents(); got != len(r.model.torrents) {
		r.t.Errorf("%d torrents after a sweep, want %d", got, len(r.model.torrents))
	}
}
