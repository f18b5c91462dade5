package livesync

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"keeptrack/cmd/testenv"
	"keeptrack/livesync/exact"
	"keeptrack/livesync/transport"
	"keeptrack/livesync/transport/memory"
	"keeptrack/livesync/wire"
	"keeptrack/tracker"
)

// countDisk is what a member has on its disk.
type countDisk struct {
	records map[tracker.InfoHash]tracker.Record
	parts   map[tracker.InfoHash]map[tracker.Origin]uint64
	origins exact.State
	floors  bool
}

// counter is an instance that keeps counts by origins, over all of its restarts.
type counter struct {
	*instance
	disk countDisk
}

// countWorld is a group of them with what has truly been completed.
type countWorld struct {
	t       *testing.T
	rng     *rand.Rand
	net     *memory.Network
	options Options
	hashes  []tracker.InfoHash
	truth   map[tracker.InfoHash]uint64
	clients int
	members []*counter
}

func newCountWorld(t *testing.T, seed uint64, members int, link memory.Link) *countWorld {
	offMinute()
	w := &countWorld{t: t, rng: rand.New(rand.NewPCG(seed, 7)), net: newNetwork(seed, link), options: defaults(), truth: make(map[tracker.InfoHash]uint64)}
	w.options.RenewAfter, w.options.TorrentTimeout = 10*time.Minute, 720*time.Hour
	for _, r := range testRecords(30) {
		w.hashes = append(w.hashes, r.InfoHash)
	}
	for range members {
		w.join(countDisk{})
	}
	return w
}

// join has another member take part that starts from a disk.
func (w *countWorld) join(d countDisk) *counter {
	c := &counter{disk: d}
	w.members = append(w.members, c)
	w.start(c)
	return c
}

// start starts a member from its disk.
func (w *countWorld) start(c *counter) {
	o := w.options
	o.Origins, o.TotalsAreFloors = c.disk.origins, c.disk.floors
	o.Keep = func(s exact.State) { c.disk.origins = s }
	c.instance = join(w.t, w.net, o, c.disk)
	c.newcomer.fill.state, c.newcomer.fill.ready = filled, true
	c.newcomer.fill.greet = time.Now().Add(1000 * time.Hour)
	c.run(w.t)
}

// join is prepare for a member with a disk.
func join(t testing.TB, n *memory.Network, o Options, d countDisk) *instance {
	t.Helper()
	var parts []tracker.TorrentPart
	folded := make(map[tracker.Origin]bool)
	for _, f := range d.origins.Folded {
		folded[f] = true
	}
	for h, of := range d.parts {
		for origin, v := range of {
			if !folded[origin] {
				parts = append(parts, tracker.TorrentPart{InfoHash: h, Part: tracker.Part{Origin: origin, Value: v}})
			}
		}
	}
	i := newInstance(n)
	for _, r := range d.records {
		i.tracker.Load(i.tracker.Instant(time.Now()), r)
	}
	i.tracker.LoadParts(parts)
	i.join(t, o)
	return i
}

// checkpoint puts on the disk what is in memory.
func (c *counter) checkpoint() {
	if c.disk.records == nil {
		c.disk.records, c.disk.parts = make(map[tracker.InfoHash]tracker.Record), make(map[tracker.InfoHash]map[tracker.Origin]uint64)
	}
	changes := c.tracker.TakeChanges(nil, 1<<20)
	for _, change := range changes {
		if change.Removed {
			delete(c.disk.records, change.InfoHash)
			delete(c.disk.parts, change.InfoHash)
			continue
		}
		c.disk.records[change.InfoHash] = change.Record
		of := c.disk.parts[change.InfoHash]
		if of == nil {
			of = make(map[tracker.Origin]uint64)
			c.disk.parts[change.InfoHash] = of
		}
		for _, p := range change.Parts {
			of[p.Origin] = p.Value
		}
	}
	c.disk.origins, c.disk.floors = c.Origins(), c.TotalsAreFloors()
	c.tracker.Settle(tracker.Settlement{Taken: len(changes)})
}

// complete has a client complete a download at an instance.
func (w *countWorld) complete(i *instance) {
	h := w.hashes[w.rng.IntN(len(w.hashes))]
	w.clients++
	peer := fmt.Sprintf("10.%d.%d.%d:6881", w.clients>>16&0xff, w.clients>>8&0xff, w.clients&0xff)
	i.announce(h, peer, 1, tracker.EventStarted)
	i.announce(h, peer, 0, tracker.EventCompleted)
	w.truth[h]++
}

// busy has n clients complete downloads all over the group, within a time. No instance
// ever shows more than was completed.
func (w *countWorld) busy(n int, within time.Duration, at ...*instance) {
	for range n {
		w.complete(at[w.rng.IntN(len(at))])
		time.Sleep(within / time.Duration(n))
		w.neverAbove()
	}
}

// up returns the members as instances.
func (w *countWorld) up() (all []*instance) {
	for _, c := range w.members {
		all = append(all, c.instance)
	}
	return all
}

func (w *countWorld) neverAbove(others ...*instance) {
	w.t.Helper()
	for k, i := range append(w.up(), others...) {
		for _, h := range w.hashes {
			if got := i.counts(h).Downloaded; got > w.truth[h] {
				w.t.Fatalf("instance %d shows %d of %d", k, got, w.truth[h])
			}
		}
	}
}

// exactWithin is exact after at most so many intervals. It takes three at most in which a
// hello of each member reaches each other, and hellos may be lost.
func (w *countWorld) exactWithin(intervals int, what string) {
	w.t.Helper()
	for range intervals {
		time.Sleep(w.options.BeaconInterval)
		synctest.Wait()
		if len(w.lacking()) == 0 {
			break
		}
	}
	w.exact(what)
}

// lossyIntervals are so many that no member loses all hellos of another.
const lossyIntervals = 15

// lacking returns the instances that show less than was completed.
func (w *countWorld) lacking() (all []*instance) {
	for _, i := range w.up() {
		for _, h := range w.hashes {
			if i.counts(h).Downloaded < w.truth[h] {
				all = append(all, i)
				break
			}
		}
	}
	return all
}

// exact fails the test unless all show what was completed.
func (w *countWorld) exact(what string, others ...*instance) {
	w.t.Helper()
	synctest.Wait()
	w.neverAbove(others...)
	for k, i := range append(w.up(), others...) {
		low, missing := 0, uint64(0)
		for _, h := range w.hashes {
			if got := i.counts(h).Downloaded; got < w.truth[h] {
				low++
				missing += w.truth[h] - got
			}
		}
		if low > 0 {
			w.t.Errorf("%s: instance %d lacks %d completions of %d torrents\n%+v", what, k, missing, low, i.Cluster().Counting)
		}
	}
}

func (w *countWorld) stop() {
	for _, i := range w.up() {
		i.stop(w.t)
	}
}

// TestMembersCountExactly: with loss or without, soon after the last completion all
// members show each of them.
func TestMembersCountExactly(t *testing.T) {
	for _, loss := range []float64{0, 0.05, 0.2, 0.3} {
		for _, broadcast := range []bool{false, true} { // sealed as well
			t.Run(fmt.Sprintf("%.0f %% lost, broadcast and sealed %t", 100*loss, broadcast), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := newCountWorld(t, 1, 0, lan)
					if broadcast {
						w.options.Keys = keysOf(t, 1)
					}
					w.net = memory.New(memory.Options{
						Seed: 1, Limits: lanLimits, Broadcast: broadcast,
						Link: memory.Link{Latency: time.Millisecond, Jitter: 50 * time.Millisecond, Loss: loss, Duplicate: loss},
					})
					for range 3 {
						w.join(countDisk{})
					}
					w.busy(600, 2*w.options.BeaconInterval, w.up()...)
					intervals := 3
					if loss > 0 {
						intervals = lossyIntervals
					}
					w.exactWithin(intervals, "in the end")
					w.stop()
				})
			})
		}
	}
}

// TestPartsWithoutLossNeedNoRepair: once the members have met, nothing is asked for.
func TestPartsWithoutLossNeedNoRepair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCountWorld(t, 2, 3, lan)
		time.Sleep(4 * w.options.BeaconInterval)
		met := w.members[0].repairPackets() + w.members[1].repairPackets() + w.members[2].repairPackets()
		if met > 20 {
			t.Errorf("%d packets of repair when they meet", met)
		}
		w.busy(600, 2*w.options.BeaconInterval, w.up()...)
		time.Sleep(3 * w.options.BeaconInterval)
		w.exact("in the end")
		for k, i := range w.up() {
			met -= i.repairPackets()
			if in := i.Stats().In[wire.KindCountParts].Records; in < 300 {
				t.Errorf("instance %d heard %d parts", k, in)
			}
		}
		if met != 0 {
			t.Errorf("%d packets of repair", -int64(met))
		}
		w.stop()
	})
}

func (i *instance) repairPackets() uint64 { return i.Cluster().Counting.RepairSent }

// TestBothSidesOfAPartitionCount: what either side counted is everywhere in the end.
func TestBothSidesOfAPartitionCount(t *testing.T) {
	for seed := range uint64(testenv.Pick(4, 40)) {
		t.Run(strconv.Itoa(int(seed)), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newCountWorld(t, seed, 4, lossy(rand.New(rand.NewPCG(seed, 8))))
				w.busy(100, w.options.BeaconInterval, w.up()...)
				for k, a := range w.members {
					for _, b := range w.members[k+1:] {
						if k < 2 && b != w.members[1] {
							w.net.SetLink(a.port, b.port, memory.Link{Cut: true})
							w.net.SetLink(b.port, a.port, memory.Link{Cut: true})
						}
					}
				}
				w.busy(200, time.Duration(w.rng.Int64N(int64(10*time.Minute)))+time.Second, w.up()...)
				w.net.SetAll(lan)
				time.Sleep(4 * w.options.BeaconInterval)
				w.exact("once it is over")
				w.stop()
			})
		})
	}
}

// TestARestartedMemberLacksNothing: one that was stopped, or killed, comes back from its
// checkpoint. Its origin of before is folded by all.
func TestARestartedMemberLacksNothing(t *testing.T) {
	for name, killed := range map[string]bool{"stopped": false, "killed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newCountWorld(t, 3, 3, memory.Link{Latency: time.Millisecond, Loss: 0.1})
				back := w.members[0]
				w.busy(100, w.options.BeaconInterval, w.up()...)
				back.checkpoint()
				w.busy(50, w.options.BeaconInterval, w.up()...)
				if killed { // its last packets have gone out
					time.Sleep(10 * time.Second)
				}
				before := back.Origins().Present
				back.stop(t)
				if !killed {
					back.checkpoint()
				}
				w.busy(50, time.Minute, w.members[1].instance, w.members[2].instance)
				w.start(back)
				if now := back.Origins(); now.Present == before || len(now.Ended) != 1 || now.Ended[0] != before {
					t.Errorf("it is %+v, was %s", now, before)
				}
				w.busy(50, w.options.BeaconInterval, w.up()...)
				w.exactWithin(lossyIntervals, "after the restart")
				w.net.SetAll(lan)
				time.Sleep(10 * w.options.BeaconInterval)
				for k, i := range w.up() {
					if s := i.Origins(); len(s.Folded) != 1 || s.Folded[0] != before || len(s.Ended) > 0 {
						t.Errorf("instance %d has %+v", k, s)
					}
				}
				w.exact("after folding")
				back.checkpoint()
				back.stop(t)
				w.start(back)
				time.Sleep(10 * w.options.BeaconInterval)
				w.exact("after another restart")
				w.stop()
			})
		})
	}
}

// TestStrangersTakePart: an instance that knows no origins gets all counts, its
// completions are counted once, and what it knows from before is taken over.
func TestStrangersTakePart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCountWorld(t, 4, 2, lan)
		old := testRecords(30)
		for k := range old {
			w.truth[old[k].InfoHash] += old[k].Downloaded
		}
		w.options.FirstBeaconDelay = time.Minute
		stranger := start(t, w.net, w.options, old...)
		all := append(w.up(), stranger)
		w.busy(100, w.options.BeaconInterval, all...)
		time.Sleep(8 * w.options.BeaconInterval)
		w.exact("with a stranger", stranger)
		w.busy(100, w.options.BeaconInterval, all...)
		stranger.stop(t)
		w.busy(100, w.options.BeaconInterval, w.up()...)

		// It comes back from an old database and asks a member.
		stranger = start(t, w.net, w.options, old...)
		w.members[0].scrapeSoon()
		time.Sleep(10 * w.options.BeaconInterval)
		w.exact("with a stranger that was away", stranger)
		if out := w.members[0].Stats().Out[wire.KindTell]; out.Packets == 0 {
			t.Error("the member told nothing")
		}
		if in := w.members[1].Stats().In[wire.KindTell]; in.Packets == 0 {
			t.Error("the other member overheard nothing")
		}
		stranger.stop(t)
		w.stop()
	})
}

// scrapeSoon has an instance beacon at once.
func (i *instance) scrapeSoon() {
	i.scrape.mu.Lock()
	i.scrape.d.beacon = time.Now()
	i.scrape.mu.Unlock()
	rouse(i.scrape.wake)
}

// TestPartsGoOutBeforeCompletions: no packet has a marked completion that no packet of
// parts told before, whatever is full first, and a stop leaves nothing unsaid.
func TestPartsGoOutBeforeCompletions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCountWorld(t, 5, 1, lan)
		told, marked := make(map[tracker.InfoHash]int), make(map[tracker.InfoHash]int)
		w.net.Tap(func(_ transport.Endpoint, b []byte) {
			p, err := wire.Parse(b)
			switch {
			case err != nil:
				t.Error(err)
			case p.Kind == wire.KindCountParts:
				for _, r := range p.Count().Message.(*exact.Parts).Records {
					told[r.InfoHash]++
				}
			case p.Kind == wire.KindLive || p.Kind == wire.KindLive6:
				for k := range p.Records() {
					var r tracker.SyncRecord
					if p.Sync(k, &r); r.Counted {
						if marked[r.InfoHash]++; marked[r.InfoHash] > told[r.InfoHash] {
							t.Errorf("%s: %d marked, %d told", r.InfoHash, marked[r.InfoHash], told[r.InfoHash])
						}
					} else if r.Flags&tracker.SyncComplete != 0 {
						t.Errorf("%s: a completion is not marked", r.InfoHash)
					}
				}
			}
		})
		for _, pause := range []time.Duration{0, time.Millisecond, time.Second} {
			for range 200 {
				w.complete(w.members[0].instance)
				time.Sleep(pause)
			}
		}
		w.stop()
		for _, h := range w.hashes {
			if marked[h] != int(w.truth[h]) || told[h] != int(w.truth[h]) {
				t.Errorf("%s: %d marked and %d told of %d", h, marked[h], told[h], w.truth[h])
			}
		}
	})
}

// TestTheStateIsThereWhileTheDiskIsWaitedFor: a checkpoint asks for the state of a group
// that waits for the checkpoint to leave the disk. Meanwhile parts go out, and floors are
// taken in.
func TestTheStateIsThereWhileTheDiskIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var disk chan exact.State // nil: does not wait
		o := defaults()
		o.Keep = func(s exact.State) {
			if disk != nil {
				disk <- s
			}
		}
		i := quietMember(t, o)
		before := i.Origins()
		disk = make(chan exact.State)
		i.announce(testHash, "8.8.8.8:1", 0, tracker.EventCompleted)
		// Somebody says that this instance's origin has ended.
		i.receive(countPacket(wire.ID{1}, exact.Origin{1}, exact.Nobody, &exact.Hello{Serial: 1, Oldest: 1, EndedNames: []exact.Origin{before.Present}}), node, time.Now())
		looked := make(chan struct{})
		go func() { i.look(); close(looked) }()
		synctest.Wait()
		during := i.Origins()
		if during.Present == before.Present || len(during.Ended) != 1 || during.Ended[0] != before.Present {
			t.Errorf("while it is put on the disk: %+v", during)
		}
		i.flushParts()
		if n := i.Stats().Out[wire.KindCountParts].Records; n != 1 {
			t.Errorf("%d parts sent", n)
		}
		i.receive(wire.AppendTell(wire.AppendHeader(nil, wire.ID{2}, wire.KindTell), wire.TellRecord{InfoHash: testHash, Downloaded: 9}), node, time.Now())
		if got := i.counts(testHash).Downloaded; got != 9 {
			t.Errorf("shows %d", got)
		}
		if put := <-disk; put.Present != during.Present {
			t.Errorf("put on the disk: %s, said %s", put.Present, during.Present)
		}
		<-looked
		if after := i.Origins(); after.Present != during.Present || len(after.Known) != 1 {
			t.Errorf("afterwards: %+v", after)
		}
	})
}

// TestWithAKeyCountsAreTakenInSealedOnly: also while plain packets of other programs are.
func TestWithAKeyCountsAreTakenInSealedOnly(t *testing.T) {
	keys := keysOf(t, 1)
	o := sealed(keys)
	o.AcceptPlain = true
	i := quietMember(t, o)
	p := countPacket(wire.ID{1}, exact.Origin{1}, i.Origins().Present, &exact.AskNames{})
	i.receive(p, node, time.Now())
	if got := i.Stats().Drops[DropPlain]; got != 1 || len(i.counting.heard) != 0 || i.member(wire.ID{1}, time.Now()) {
		t.Errorf("plain: %d dropped, %d wait", got, len(i.counting.heard))
	}
	i.receive(sealAt(keys, p, time.Now()), node, time.Now())
	if len(i.counting.heard) != 1 || !i.member(wire.ID{1}, time.Now()) {
		t.Error("sealed: not taken in")
	}
}

// TestMarksCountInSealedPacketsOnly where there is a key: in a plain one of another program,
// the byte means nothing.
func TestMarksCountInSealedPacketsOnly(t *testing.T) {
	keys := keysOf(t, 1)
	plain := sealed(keys)
	plain.AcceptPlain = true
	for _, tt := range []struct {
		name    string
		options Options
		seal    bool
		want    uint64
	}{{"plain", plain, false, 1}, {"sealed", plain, true, 0}, {"without a key", defaults(), false, 0}} {
		i := quietMember(t, tt.options)
		p := wire.AppendSync(wire.AppendHeader(nil, wire.ID{1}, wire.KindLive), &tracker.SyncRecord{
			InfoHash: testHash, Peer: peerOf("8.8.8.8:1"), Flags: tracker.SyncSeeding | tracker.SyncComplete, Counted: true,
		})
		if tt.seal {
			p = sealAt(keys, p, time.Now())
		}
		i.receive(p, node, time.Now())
		if got := i.counts(testHash); got.Downloaded != tt.want || got.Seeders != 1 {
			t.Errorf("%s: %+v, want %d downloads", tt.name, got, tt.want)
		}
	}
}

// TestMessagesForOthersArePassedOver: only those to the present origin count, and what is
// said to all.
func TestMessagesForOthersArePassedOver(t *testing.T) {
	i := quietMember(t, defaults())
	ask := &exact.AskNames{}
	for k, tt := range []struct {
		to   exact.Origin
		want int
		m    exact.Message
	}{
		{exact.Nobody, 0, ask},
		{exact.Nobody, 0, &exact.Names{}},
		{exact.Origin{9}, 0, ask},
		{i.Origins().Present, 1, ask},
		{i.Origins().Present, 2, ask},
		{exact.Nobody, 3, &exact.Hello{Serial: 1, Oldest: 1}},
		{exact.Nobody, 4, &exact.Parts{Number: 1}},
	} {
		i.receive(countPacket(wire.ID{1}, exact.Origin{1}, tt.to, tt.m), node, time.Now())
		if got := len(i.counting.heard); got != tt.want {
			t.Errorf("%d: %d wait, want %d", k, got, tt.want)
		}
	}
	if in := i.Stats().In[wire.KindCountNamesAsk].Packets; in != 2 {
		t.Errorf("%d were used", in)
	}
	i.look()
	if i.counting.repair.n != 2 {
		t.Errorf("%d answers wait", i.counting.repair.n)
	}
	stranger := newQuiet(t)
	stranger.receive(countPacket(wire.ID{1}, exact.Origin{1}, exact.Nobody, ask), node, time.Now())
	if s := stranger.Stats(); s.In[wire.KindCountNamesAsk].Packets != 0 || s.Drops != ([DropCount]uint64{}) {
		t.Errorf("one that knows no origins: %+v", s)
	}
}

// TestTooManyMessagesAreDropped: what waits to be looked at is bounded.
func TestTooManyMessagesAreDropped(t *testing.T) {
	i := quietMember(t, defaults())
	for range maxHeardCounts + 3 {
		i.receive(countPacket(wire.ID{1}, exact.Origin{1}, i.Origins().Present, &exact.AskNames{}), node, time.Now())
	}
	if got := i.Stats().Drops[DropBusy]; got != 3 || len(i.counting.heard) != maxHeardCounts {
		t.Errorf("%d dropped, %d wait", got, len(i.counting.heard))
	}
}

// TestRepairThatDoesNotFitIsCounted: and what a past origin would have answered is not
// sent.
func TestRepairThatDoesNotFitIsCounted(t *testing.T) {
	i := quietMember(t, defaults())
	i.counting.repair.limit = 2
	for range 5 {
		i.receive(countPacket(wire.ID{1}, exact.Origin{1}, i.Origins().Present, &exact.AskNames{}), node, time.Now())
	}
	i.look()
	if got := i.Stats().RepairLost; got != 3 {
		t.Errorf("%d lost", got)
	}
	i.receive(countPacket(wire.ID{1}, exact.Origin{1}, exact.Nobody, &exact.Hello{Serial: 1, Oldest: 1, EndedNames: []exact.Origin{i.Origins().Present}}), node, time.Now())
	i.look()
	i.counting.change(func(*exact.Group) { i.sendRepair(time.Now(), nil) })
	if out := i.Stats().Out[wire.KindCountNames].Packets; out != 0 || i.counting.repair.n > 1 {
		t.Errorf("%d sent, %d wait", out, i.counting.repair.n)
	}
}

// TestAnswersGoToWhoAsked: to where the member's last packet came from, or to all if that
// is not known.
func TestAnswersGoToWhoAsked(t *testing.T) {
	i := quietMember(t, defaults())
	other := transport.Named("other")
	for id, from := range map[wire.ID]transport.Endpoint{{1}: node, {2}: other} {
		i.receive(countPacket(id, exact.Origin{id[0]}, exact.Nobody, &exact.AskNames{}), from, time.Now())
	}
	for o, want := range map[exact.Origin]transport.Endpoint{{1}: node, {2}: other, {3}: transport.All} {
		if got := i.instances.endpointOf(o); got != want {
			t.Errorf("%s is at %q, want %q", o, got, want)
		}
	}
	// It has begun another origin elsewhere.
	i.receive(countPacket(wire.ID{3}, exact.Origin{1}, exact.Nobody, &exact.AskNames{}), other, time.Now().Add(time.Second))
	if got := i.instances.endpointOf(exact.Origin{1}); got != other {
		t.Errorf("it has moved, and is at %q", got)
	}
}

// TestAMemberThatIsGoneIsWaitedForNoLonger: until then it holds up folding.
func TestAMemberThatIsGoneIsWaitedForNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCountWorld(t, 6, 3, lan)
		w.busy(30, time.Minute, w.up()...)
		gone := w.members[2]
		w.members = w.members[:2]
		name := gone.Origins().Present
		gone.stop(t)
		a := w.members[0]
		time.Sleep(10 * w.options.BeaconInterval)
		v := a.Cluster().Counting
		if len(v.HeldUp) != 1 || v.HeldUp[0] != name || len(v.Members) != 2 || v.Folded != 0 {
			t.Errorf("while it is away: %+v", v)
		}
		if a.Gone(exact.Origin{77}) || a.Gone(a.Origins().Present) {
			t.Error("an origin that nobody knows is gone")
		}
		if !a.Gone(name) || a.Gone(name) {
			t.Error("it is not gone")
		}
		time.Sleep(10 * w.options.BeaconInterval)
		for k, i := range w.up() {
			v := i.Cluster().Counting
			if len(v.HeldUp) != 0 || len(v.Members) != 1 || v.Folded != 1 || v.Members[0].Instance == nil || v.Members[0].Missing != 0 || !v.Members[0].Unlike.IsZero() {
				t.Errorf("instance %d: %+v", k, v)
			}
		}
		w.exact("without it")
		w.stop()
	})
}

// TestWhatWasRefusedComesOnceItIsServed: the access list of one member refuses torrents
// for a while.
func TestWhatWasRefusedComesOnceItIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCountWorld(t, 7, 2, lan)
		refuses := w.members[1]
		refuses.tracker.SetAccess(denying(w.hashes[:10]...))
		w.busy(100, time.Minute, w.members[0].instance)
		time.Sleep(10 * w.options.BeaconInterval)
		refuses.tracker.SetAccess(denying())
		refuses.TakeAll()
		time.Sleep(3 * w.options.BeaconInterval)
		w.exact("once all is served")
		w.stop()
	})
}

// TestPartsGoOutAlone: parts that no packet of peers follows go out within MaxDelay, a
// full message at once, and the rest before Run returns.
func TestPartsGoOutAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCountWorld(t, 8, 1, lan)
		i := w.members[0].instance
		synctest.Wait()
		full := exact.SizesFor(maxPacket - wire.HeaderSize).Records
		value := uint64(0)
		count := func(n int) {
			for range n {
				value++
				i.counting.ledger.Counted(i.Origins().Present, &testHash, value)
			}
		}
		want := func(what string, after time.Duration, n uint64) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			if got := i.Stats().Out[wire.KindCountParts].Records; got != n {
				t.Errorf("%s: %d parts sent, want %d", what, got, n)
			}
		}
		count(full - 1)
		want("not full", w.options.MaxDelay-1, 0)
		want("not full, later", 1, uint64(full-1))
		count(full)
		want("full", 0, uint64(2*full-1))
		count(1)
		w.stop()
		want("at the end", 0, uint64(2*full))
	})
}

// TestStrangersHearOfCompletionsBeforeTotals: a member that has another's parts, and is
// asked for totals before that one's peers go out, waits for those.
func TestStrangersHearOfCompletionsBeforeTotals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCountWorld(t, 9, 2, lan)
		stranger := start(t, w.net, w.options)
		const n = 45            // more parts than a packet has, fewer peers
		time.Sleep(time.Second) // parts go out with a hello as well, and all have said theirs by then
		for k := range n {
			w.members[0].announce(testHash, fmt.Sprintf("192.0.2.1:%d", k+1), 0, tracker.EventCompleted)
		}
		time.Sleep(2 * lan.Latency)
		synctest.Wait()
		told := w.members[1]
		if got := told.counts(testHash).Downloaded; got == 0 || got == n {
			t.Fatalf("the other member has %d", got)
		}
		if err := stranger.transport.Send(told.port.Endpoint(), wire.AppendInquire(nil, stranger.ID(), told.ID())); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		if in := stranger.Stats().In[wire.KindTell].Records; in == 0 {
			t.Error("the stranger was told nothing")
		}
		if got := stranger.counts(testHash).Downloaded; got != n {
			t.Errorf("the stranger has %d, want %d", got, n)
		}
		stranger.stop(t)
		w.stop()
	})
}

// TestAnswersLeaveTime: a question may take a walk through all torrents. It waits once,
// however often it is asked.
func TestAnswersLeaveTime(t *testing.T) {
	i := quietMember(t, defaults())
	own := i.counting.ledger.Own()
	ask := &exact.AskRecords{Subject: own, Last: 0xffff}
	for range 3 {
		i.receive(countPacket(wire.ID{1}, exact.Origin{1}, own, ask), node, time.Now())
	}
	i.lookAtCounts()
	if n := i.counting.questions.n; n != 1 {
		t.Errorf("%d questions wait", n)
	}
	const takes = longestWalkRest
	i.counting.changing.Lock()
	began := time.Now()
	time.AfterFunc(takes, i.counting.changing.Unlock)
	if next := i.counting.answer(); !next.IsZero() {
		t.Errorf("something waits until %s", next)
	}
	if rest := i.counting.questions.pace.next.Sub(began); rest < takes+longestWalkRest-paceSlack {
		t.Errorf("the next is answered after %s", rest)
	}
}
