package livesync

import (
	"context"
	"errors"
	"iter"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"keeptrack/livesync/transport"
	"keeptrack/livesync/wire"
	"keeptrack/tracker"
)

// Tracker is what live sync needs of the tracker. *tracker.Tracker has it.
type Tracker interface {
	// Instant returns now as the tracker counts time.
	Instant(now time.Time) tracker.Instant
	// Prefetch has the memory fetched that ApplySync is going to need for these
	// peers.
	Prefetch([]tracker.Ahead)
	// PublishTo has the function called with each peer that is to be published.
	PublishTo(func(tracker.SyncRecord))
	// ApplySync takes in a peer that another instance published. It publishes
	// nothing.
	ApplySync(now tracker.Instant, r *tracker.SyncRecord) tracker.SyncResult
	// TakePeers takes in the peers of another instance, whose ages are as of now. It
	// publishes nothing, and no later announce gives way.
	TakePeers(now tracker.Instant, peers []tracker.PeerState) tracker.Restored
	// RememberStops says whether TakePeers is to pass over peers that have stopped
	// since they announced.
	RememberStops(on bool)
	// SetFilling says whether clients are to be back soon, because peers are still to
	// come.
	SetFilling(on bool)
	// PeerStates returns the peers of one of tracker.ShardCount shards in pieces,
	// those of a torrent side by side.
	PeerStates(shard int, now func() time.Time) iter.Seq[[]tracker.PeerState]
	// StateOf returns what is known of the peer of r, and whether it is stored.
	StateOf(now tracker.Instant, r *tracker.SyncRecord) (state tracker.PeerState, stored bool)
	// TakeStop takes out a peer that stopped ago before now. It returns false if it has
	// announced since.
	TakeStop(now time.Time, ago time.Duration, r *tracker.SyncRecord) bool
	// PeerCount returns the number of peers.
	PeerCount() uint64
	// Access returns the access list in force.
	Access() *tracker.Access
	// Merge takes in another instance's counts of a torrent, by maximum, and
	// returns the downloaded count held before.
	Merge(now tracker.Instant, r tracker.Record) (local uint64, res tracker.SyncResult)
	// Served returns the record of a torrent, if it is kept and the access list
	// does not refuse it.
	Served(h tracker.InfoHash) (tracker.Record, bool)
	// ServedPage appends the records of up to limit torrents of one of
	// tracker.ShardCount shards, from one on in order of info hash, without those
	// that the access list refuses, and returns where to go on, if anywhere.
	ServedPage(shard int, from tracker.InfoHash, limit int, dst []tracker.Record) (_ []tracker.Record, next tracker.InfoHash, more bool)
	// ServedCount returns the number of torrents that ServedPage has in all
	// shards, as of a minute ago at most.
	ServedCount() int
	// CountParts has the tracker keep the parts of origins in downloaded counts, and
	// tell the ledger of them. It is called once at most, before all other methods but
	// PublishTo.
	CountParts(l tracker.Ledger, totalsAreFloors bool) *tracker.Parts
}

// Node is this instance's part in the group.
type Node struct {
	options   Options
	transport transport.Transport
	limits    transport.Limits
	tracker   Tracker
	sealing   *sealing
	outbox    *outbox
	scrape    scrape
	newcomer  newcomer
	lost      *lost
	overrides *overrideSync
	counting  *counting // nil: counts are merged by maximum, as other programs do
	instances instances
	counters  counters
	failing   atomic.Bool // the last packet could not be sent

	// The receiving goroutine's.
	batch      [syncBatch]tracker.SyncRecord // those being applied
	ahead      [syncBatch]tracker.Ahead
	taken      [peerBatch]tracker.PeerState // those of a stream being taken in
	missing    []uint32                     // those that another instance lacks
	complained [DropCount]time.Time         // when the log last said so
}

// New returns a node that speaks over tr for t and publishes its peers. After an error tr is the
// caller's, else Run's, which closes it. The delay of the first beacon counts
// from now.
func New(o Options, tr transport.Transport, t Tracker) (*Node, error) {
	limits := tr.Limits()
	if err := o.validate(limits); err != nil {
		return nil, err
	}
	if o.ID == (wire.ID{}) {
		o.ID = wire.NewID()
	}
	n := &Node{
		options:   o,
		transport: tr,
		limits:    limits,
		tracker:   t,
		sealing:   newSealing(&o, limits.MaxPacket),
		outbox:    newOutbox(o.ID, o.room(limits.MaxPacket), o.MaxDelay),
		scrape: scrape{
			owed: owed{limit: maxOwed},
			wake: make(chan struct{}, 1),
			d:    newDecisions(rules{o.BeaconInterval, o.InquireThreshold}, time.Now().Add(o.FirstBeaconDelay)),
		},
		overrides: newOverrideSync(&o, time.Now()),
		lost:      newLost(time.Now(), o.BeaconInterval, o.TellRate),
		instances: instances{known: make(map[wire.ID]*Instance)},
	}
	t.PublishTo(n.Publish)
	n.initCounting()
	n.initNewcomer()
	return n, nil
}

// ID returns this instance's id.
func (n *Node) ID() wire.ID { return n.options.ID }

// Publish sends a peer to the other instances, within Options.MaxDelay. Which
// peers are published is the tracker's decision. Publish neither waits nor
// allocates: what cannot be sent in time is lost and counted.
func (n *Node) Publish(r tracker.SyncRecord) {
	if r.Flags&tracker.SyncStray != 0 {
		n.lost.addStop(r, time.Now())
		return
	}
	n.outbox.add(&r)
}

// SetKeys replaces the keys that packets are sealed and opened with. The node must
// have been made with keys.
func (n *Node) SetKeys(k *wire.Keys) { n.sealing.keys.Store(k) }

// ReplayFloors returns the highest sequence of the sealed packets accepted from
// each instance, at most 256, and under the zero id the floor of all others. The
// next run takes them in Options and refuses what was accepted until now. Without
// keys there are none. It may be called at any time.
//
// The next run may have another id, and must not accept this run's packets as
// another instance's. So this instance has a floor as well. It lies ahead, because
// what is counted now is published later.
func (n *Node) ReplayFloors() map[[4]byte]uint64 {
	if n.sealing == nil {
		return nil
	}
	floors := n.sealing.replays.floors()
	floors[n.options.ID] = n.sealing.ahead(time.Now(), n.options.MaxDelay)
	return floors
}

// Run takes part until ctx is done; then it sends what it still holds, closes
// the transport and returns. If the transport fails, Run returns its error.
func (n *Node) Run(ctx context.Context) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	carrying, stopCarrying := context.WithCancel(context.WithoutCancel(ctx))
	defer stopCarrying()
	var senders, others sync.WaitGroup
	others.Go(func() {
		defer cancel()
		err = n.transport.Run(carrying)
	})
	others.Go(func() { n.receiveAll(ctx) })
	senders.Go(func() {
		n.outbox.run(ctx, n.publishPacket)
		n.flushParts()
	})
	senders.Go(func() { n.runCounting(ctx) })
	senders.Go(func() { n.runScrape(ctx) })
	senders.Go(func() { n.runNewcomer(ctx) })
	senders.Go(func() { n.runOverrides(ctx) })
	senders.Go(func() { n.runLost(ctx) })
	senders.Wait()
	stopCarrying()
	others.Wait()
	return err
}

// sendToAll sends a packet to all other instances.
func (n *Node) sendToAll(k wire.Kind, p []byte) { n.send(transport.All, k, p) }

// send sends a packet of a kind and counts it.
func (n *Node) send(to transport.Endpoint, k wire.Kind, p []byte) {
	err := n.sealing.send(n.transport, to, p)
	n.logFailing(err)
	if err != nil {
		n.counters.sendFailures.Add(1)
		return
	}
	n.counters.out[k].add(k.Records(len(p)))
}

// logFailing logs when failures to send begin and end. The transport itself logs
// that it is down.
func (n *Node) logFailing(err error) {
	failing := err != nil
	if errors.Is(err, transport.ErrDown) || n.failing.Swap(failing) == failing {
		return
	}
	if failing {
		n.options.Log.Warn().Err(err).Msg("live sync cannot send")
	} else {
		n.options.Log.Info().Msg("live sync sends again")
	}
}

// receivePause is how long to wait after a failure to receive.
const receivePause = time.Second

// receiveAll takes in packets until the transport is closed.
func (n *Node) receiveAll(ctx context.Context) {
	buf := make([]byte, 1<<16)
	var budget budget
	asked := time.Now()
	for {
		size, from, err := n.transport.Receive(buf)
		came := time.Now()
		switch {
		case err == nil:
			n.receive(buf[:size], from, came)
		case errors.Is(err, net.ErrClosed):
			return
		case errors.Is(err, transport.ErrForeign):
			n.drop(DropForeign)
		default:
			n.options.Log.Warn().Err(err).Msg("live sync cannot receive")
			select {
			case <-ctx.Done():
				return
			case <-time.After(receivePause):
			}
			continue
		}
		done := time.Now()
		if pause := budget.spend(asked, came, done); pause > 0 {
			n.counters.pauses.Add(1)
			time.Sleep(pause)
			done = time.Now()
		}
		asked = done
	}
}

// rouse has the goroutine look that waits for wake, which holds one token. It does not
// wait.
func rouse(wake chan<- struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}
