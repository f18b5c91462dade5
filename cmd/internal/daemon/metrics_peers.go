package daemon

import "time"

var (
	metricSnapshots        = counter("snapshot_total", "Snapshots of the peers written.")
	metricSnapshotFailures = counter("snapshot_failures_total", "Snapshots of the peers that failed; the previous one stays.")
	metricSnapshotSeconds  = counter("snapshot_seconds_total", "Time spent writing snapshots of the peers, pauses included.")
	metricSnapshotAge      = gauge("snapshot_age_seconds", "Time since the last snapshot of the peers, or since the start.")
	metricSnapshotPeers    = gauge("snapshot_peers", "Peers in the last snapshot since the start.")
	metricSnapshotBytes    = gauge("snapshot_bytes", "Bytes of the last snapshot since the start.")
	metricSnapshotRestored = gauge("snapshot_restored_peers", "Peers of the snapshot found at the start, by result.", "result")
	metricSnapshotDamaged  = gauge("snapshot_damaged_blocks", "Damaged blocks in the snapshot found at the start.")
)

// collect sends how snapshots fare, if there are to be any.
func (k *peerKeeper) collect(send sender) {
	s := k.snapshot()
	if !s.keep {
		return
	}
	send(metricSnapshots, float64(s.done))
	send(metricSnapshotFailures, float64(s.failed))
	send(metricSnapshotSeconds, s.seconds)
	send(metricSnapshotAge, time.Since(s.last).Seconds())
	send(metricSnapshotPeers, float64(s.peers))
	send(metricSnapshotBytes, float64(s.bytes))
	send(metricSnapshotRestored, float64(s.restored.Stored), "stored")
	send(metricSnapshotRestored, float64(s.restored.Expired), "expired")
	send(metricSnapshotRestored, float64(s.restored.Rejected), "turned_away")
	send(metricSnapshotDamaged, float64(s.damaged))
}
