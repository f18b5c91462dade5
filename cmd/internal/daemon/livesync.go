package daemon

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/cmd/internal/admin/otstats"
	"keeptrack/cmd/internal/config"
	"keeptrack/livesync"
	"keeptrack/livesync/transport"
	"keeptrack/livesync/transport/multicast"
	"keeptrack/livesync/transport/nats"
	"keeptrack/livesync/transport/unicast"
	"keeptrack/livesync/wire"
	"keeptrack/store"
	"keeptrack/tracker"
)

// group is what the daemon asks of the group of instances that it is in: a
// syncPart, or alone.
type group interface {
	// cluster returns what the JSON interface shows of the group.
	cluster() any
	// filling returns why clients are better sent elsewhere for a while, or nil.
	filling() error
	// impaired returns why the group is not reached, or nil.
	impaired() error
	// gone notes that a member, named by its label or its origin, is gone for good.
	gone(member string) error
	// setKeys puts other keys in force and returns how many there are. Nil leaves
	// those that are.
	setKeys(*wire.Keys) int
}

// alone is the group of an instance whose live sync is off.
type alone struct{}

func (alone) filling() error         { return nil }
func (alone) impaired() error        { return nil }
func (alone) setKeys(*wire.Keys) int { return 0 }
func (alone) gone(string) error      { return errAlone }
func (alone) cluster() any {
	return struct {
		Enabled bool `json:"enabled"`
	}{}
}

// syncPart is live sync.
type syncPart struct{ *livesync.Node }

// openTransport opens what carries live sync.
func openTransport(d *Daemon) (transport.Transport, error) {
	c := &d.config.LiveSync
	switch c.Transport {
	case config.OverMulticast:
		return multicast.New(multicast.Options{
			Interface: c.Interface,
			Group:     c.Group,
			Port:      c.Port,
			Nodes:     c.Nodes,
			Loopback:  c.Loopback,
			MaxPacket: cmp.Or(c.MaxPayload, multicast.MaxPacket),
			Log:       d.log,
		})
	case config.OverNATS:
		o, err := NATSOptions(c)
		if err != nil {
			return nil, err
		}
		o.Log = d.log
		return nats.New(o)
	case config.OverUnicast:
		return unicast.New(unicast.Options{
			Listen:    c.Listen,
			Peers:     c.Peers,
			Open:      c.KeyFile != "" && !c.AcceptPlain, // the seal decides
			MaxPacket: cmp.Or(c.MaxPayload, unicast.SafePacket),
			Silence:   3 * c.BeaconInterval,
			Log:       d.log,
		})
	default:
		return nil, fmt.Errorf("live sync over %s: %w", c.Transport, errors.ErrUnsupported)
	}
}

// bindGroup opens the sockets of live sync, unless it is turned off.
func bindGroup(d *Daemon) error {
	c := &d.config.LiveSync
	if !c.Enabled {
		return nil
	}
	t, err := openTransport(d)
	if err != nil {
		return err
	}
	d.atEnd(t.Close)
	o := livesync.Options{
		MaxDelay:         c.MaxDelay,
		FirstBeaconDelay: c.FirstBeaconDelay,
		BeaconInterval:   c.BeaconInterval,
		InquireThreshold: c.InquireThreshold,
		TellRate:         c.TellRate,
		PeerRate:         c.PeerRate,
		Keys:             d.opts.Keys,
		AcceptPlain:      c.AcceptPlain,
		RenewAfter:       c.RenewAfter,
		TorrentTimeout:   d.config.Tracker.TorrentTimeout,
		Log:              d.log,
	}
	copy(o.ID[:], c.ID)
	d.whenLoaded(func() error {
		var err error
		if o.ReplayFloors, err = d.store.ReplayFloors(); err != nil {
			return err
		}
		o.Overrides = groupOverrides{d.access}
		node, err := d.startNode(o, t)
		if err != nil {
			return err
		}
		d.access.whenChanged(node.TakeAll)
		if o.Keys != nil {
			d.access.spreadBy(node.SpreadOverride)
		}
		p := syncPart{node}
		d.group, d.back = p, append(d.back, p)
		d.checkpoints.along = store.Along{Floors: node.ReplayFloors, Origins: func() *store.Origins { return originsOf(node) }}
		return nil
	})
	return nil
}

func (p syncPart) cluster() any { return p.Cluster() }

// errFilling says that swarms are far from complete.
var errFilling = errors.New("waiting for the peers of the other instances")

func (p syncPart) filling() error {
	if p.Filling() {
		return errFilling
	}
	return nil
}

func (p syncPart) impaired() error {
	if s := p.Transport(); s.Down != nil {
		return fmt.Errorf("live sync is down since %s: %w", s.Since.UTC().Format(time.RFC3339), s.Down)
	}
	return nil
}

func (p syncPart) setKeys(k *wire.Keys) int {
	if k == nil {
		return 0
	}
	p.SetKeys(k)
	return k.Len()
}

func (p syncPart) describe(line *zerolog.Event) { line.Stringer("livesync_id", p.ID()) }

// count takes the id in the byte order in which opentracker, on the machines that
// are about, sends the number that it shows.
func (p syncPart) count(n *otstats.Numbers) {
	s, id := p.Stats(), p.ID()
	n.TrackerID = binary.LittleEndian.Uint32(id[:])
	n.Synced = s.In[wire.KindLive].Records + s.In[wire.KindLive6].Records
}

var (
	metricSyncPackets     = counter("livesync_packets_total", "Live sync packets used or sent.", "type", "direction")
	metricSyncRecords     = counter("livesync_records_total", "Records in live sync packets used or sent.", "type", "direction")
	metricSyncDrops       = counter("livesync_drops_total", "Live sync packets, or records in them, that were not used.", "reason")
	metricSyncUnsent      = counter("livesync_send_failures_total", "Live sync packets that the system refused to send.")
	metricSyncPauses      = counter("livesync_pauses_total", "Times that receiving live sync packets paused, because it took half a processor.")
	metricSyncUnpublished = counter("livesync_untold_total", "Peers not published, because packets filled faster than they could be sent.")

	metricPeersAsked      = counter("livesync_peers_asked_total", "Times that another instance was asked for its peers.")
	metricPeersTaken      = counter("livesync_peers_taken_total", "Peers received from another instance and stored, after the start or a long partition.")
	metricPeersTold       = counter("livesync_peers_told_total", "Peers told to instances that asked for them.")
	metricPeersResent     = counter("livesync_peers_resent_total", "Packets with told peers sent again, because they were lost.")
	metricFilling         = gauge("livesync_filling", "1 while the instance waits after its start for the peers of the others; otherwise 0.")
	metricRepairDropped   = counter("livesync_repair_dropped_total", "Questions and answers about counts that were not sent, because too many waited. They are asked for again.")
	metricOverridesTaken  = counter("livesync_overrides_taken_total", "Overrides of the access list received from other instances and stored, dropped ones included.")
	metricOverridesUnlike = gauge("livesync_overrides_unlike_instances", "Instances heard within three beacon intervals whose overrides differ from those here, by their last digest.")

	metricSyncUp       = gauge("livesync_up", "1 while live sync can send and receive; 0 while its interface is down, no peer's name can be looked up, or no NATS server accepts it.")
	metricSyncRejoined = counter("livesync_rejoined_total", "Times that live sync could send and receive again after an interruption.")

	metricSyncPeersUnheard = gauge("livesync_peers_unheard", "Configured unicast peers that have not been heard for three beacon intervals.")
	metricSyncPeersUnsent  = counter("livesync_peer_send_failures_total", "Live sync packets that the system refused to send to one of the unicast peers.")

	metricTelling      = gauge("livesync_telling", "1 while a tell is in progress, by activity: tell or counter_tell.", "activity")
	metricTellProgress = gauge("livesync_tell_progress_ratio", "Progress of the current or last tell: 0 to 1.")
	metricTellPackets  = gauge("livesync_tell_packets", "TELL packets sent in the current or last tell.")
	metricTellRecords  = gauge("livesync_tell_records", "Records sent in the current or last tell.")
	metricLastTell     = gauge("livesync_last_tell_timestamp_seconds", "Unix time when a TELL packet was last received or sent; 0 if never.")

	metricInstances        = gauge("livesync_instances", "Other instances heard since the start, at most 256.")
	metricInstanceSeen     = gauge("livesync_instance_last_seen_timestamp_seconds", "Unix time when an instance was last heard.", "id")
	metricInstanceTorrents = gauge("livesync_instance_torrents", "Torrents of an instance, as of its last BEACON; missing before the first.", "id")
)

func (p syncPart) collect(send sender) {
	collectSync(p.Node.Stats(), send)
	collectCluster(p.Node.Cluster(), send)
}

func collectSync(s livesync.Stats, send sender) {
	for k := range wire.KindCount {
		kind := wire.Kind(k).String()
		send(metricSyncPackets, float64(s.In[k].Packets), kind, "in")
		send(metricSyncPackets, float64(s.Out[k].Packets), kind, "out")
		send(metricSyncRecords, float64(s.In[k].Records), kind, "in")
		send(metricSyncRecords, float64(s.Out[k].Records), kind, "out")
	}
	for d, n := range s.Drops {
		if d := livesync.Drop(d); d != livesync.DropNone {
			send(metricSyncDrops, float64(n), d.String())
		}
	}
	send(metricOverridesTaken, float64(s.OverridesTaken))
	send(metricSyncUnsent, float64(s.SendFailures))
	send(metricSyncPauses, float64(s.Pauses))
	send(metricSyncUnpublished, float64(s.OutboxLost))
	send(metricPeersAsked, float64(s.PeersAsked))
	send(metricPeersTaken, float64(s.PeersTaken))
	send(metricPeersTold, float64(s.PeersTold))
	send(metricPeersResent, float64(s.PeersResent))
	send(metricRepairDropped, float64(s.RepairLost))
	send(metricKernelDrops, float64(s.TransportLost), "livesync")
}

func collectCluster(c livesync.Cluster, send sender) {
	send(metricFilling, oneIf(!c.Filled.Ready))
	send(metricSyncUp, oneIf(c.Transport.Down == nil))
	send(metricSyncRejoined, float64(c.Transport.Rejoined))
	send(metricSyncPeersUnheard, float64(c.Transport.Unheard()))
	send(metricSyncPeersUnsent, float64(c.Transport.Unsent))
	for _, activity := range []string{"tell", "counter_tell"} {
		send(metricTelling, oneIf(c.Tell.Activity == activity), activity)
	}
	send(metricTellProgress, float64(c.Tell.Shards)/tracker.ShardCount)
	send(metricTellPackets, float64(c.Tell.Packets))
	send(metricTellRecords, float64(c.Tell.Records))
	send(metricLastTell, unixSeconds(c.LastTell))
	send(metricInstances, float64(len(c.Instances)))
	unlike := 0
	if c.Overrides != nil { // they spread
		unlike = c.Overrides.Unlike
	}
	send(metricOverridesUnlike, float64(unlike))
	collectCounting(c.Counting, send)
	for i := range c.Instances {
		other := &c.Instances[i]
		id := other.ID.String()
		send(metricInstanceSeen, unixSeconds(other.LastSeen), id)
		if other.Torrents != nil {
			send(metricInstanceTorrents, float64(*other.Torrents), id)
		}
	}
}
