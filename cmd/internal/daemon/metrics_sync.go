package daemon

import (
	"time"

	"keeptrack/livesync"
	"keeptrack/livesync/wire"
	"keeptrack/tracker"
)

var (
	metricSyncPackets = counter("livesync_packets_total", "Live sync packets used or sent.", "type", "direction")
	metricSyncRecords = counter("livesync_records_total", "Records in live sync packets used or sent.", "type", "direction")
	metricSyncDrops   = counter("livesync_drops_total", "Live sync packets, or records of packets, not used.", "reason")
	metricSyncUnsent  = counter("livesync_send_failures_total", "Live sync packets that the system did not take.")
	metricSyncPauses  = counter("livesync_pauses_total", "Times that receiving live sync packets was held up because it took half a processor.")
	metricSyncUntold  = counter("livesync_untold_total", "Peers not published because packets could not be sent as fast as they filled.")

	metricSyncUp       = gauge("livesync_up", "1 while live sync can send and receive; 0 while its network interface is gone, down or without an address.")
	metricSyncRejoined = counter("livesync_rejoined_total", "Times that live sync has joined its group again, because its interface came back or changed.")

	metricTelling      = gauge("livesync_telling", "1 while a tell stream goes on, by activity: tell or counter_tell.", "activity")
	metricTellProgress = gauge("livesync_tell_progress_ratio", "How far the tell stream is that goes on, or was the last: 0 to 1.")
	metricTellPackets  = gauge("livesync_tell_packets", "TELL packets sent in that stream.")
	metricTellRecords  = gauge("livesync_tell_records", "Records sent in that stream.")
	metricLastTell     = gauge("livesync_last_tell_timestamp_seconds", "Unix time at which a TELL packet was last received or sent; 0 if never.")

	metricInstances        = gauge("livesync_instances", "Other instances heard since the start, at most 256.")
	metricInstanceSeen     = gauge("livesync_instance_last_seen_timestamp_seconds", "Unix time at which an instance was last heard.", "id")
	metricInstanceTorrents = gauge("livesync_instance_torrents", "Torrents of an instance by its last BEACON; missing before the first.", "id")
)

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
	send(metricSyncUnsent, float64(s.SendFailures))
	send(metricSyncPauses, float64(s.Pauses))
	send(metricSyncUntold, float64(s.OutboxLost))
	send(metricKernelDrops, float64(s.TransportLost), "livesync")
}

func collectCluster(c livesync.Cluster, send sender) {
	send(metricSyncUp, oneIf(c.Transport.Down == nil))
	send(metricSyncRejoined, float64(c.Transport.Rejoined))
	for _, activity := range []string{"tell", "counter_tell"} {
		send(metricTelling, oneIf(c.Tell.Activity == activity), activity)
	}
	send(metricTellProgress, float64(c.Tell.Shards)/tracker.ShardCount)
	send(metricTellPackets, float64(c.Tell.Packets))
	send(metricTellRecords, float64(c.Tell.Records))
	send(metricLastTell, unixSeconds(c.LastTell))
	send(metricInstances, float64(len(c.Instances)))
	for i := range c.Instances {
		other := &c.Instances[i]
		id := other.ID.String()
		send(metricInstanceSeen, unixSeconds(other.LastSeen), id)
		if other.Torrents != nil {
			send(metricInstanceTorrents, float64(*other.Torrents), id)
		}
	}
}

// unixSeconds returns t in seconds since 1970-01-01 UTC; 0 for the zero time.
func unixSeconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1e3
}
