package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// inspected is what is read of a database by `keeptrack db inspect`.
type inspected struct {
	Overrides int           `json:"access_overrides"`
	Peers     *snapshotInfo `json:"snapshot_of_peers"` // nil if there is none
}

// snapshotInfo is what is read of a snapshot of the peers.
type snapshotInfo struct {
	Peers   int    `json:"peers"`
	Damaged int    `json:"damaged_blocks"`
	Error   string `json:"error"`
}

// inspect holds the number of overrides in the database, which no process has open,
// and the peers beside it against what is known of them.
func (h *session) inspect(ctx context.Context) error {
	text, err := h.keeptrack(ctx, "db", "inspect", "--json", "--top", "0", h.file)
	if err != nil {
		return err
	}
	var i inspected
	if err := json.Unmarshal(text, &i); err != nil {
		return err
	}
	return errors.Join(h.overrides.compareCount(i.Overrides), h.comparePeers(i.Peers))
}

// comparePeers holds the snapshot of the peers against the one that was there at an
// earlier restart: it has to be whole. No peer of the session stops, and none times
// out, so that it has no fewer.
func (h *session) comparePeers(s *snapshotInfo) error {
	peers := 0
	if s != nil {
		if peers = s.Peers; s.Error != "" || s.Damaged > 0 {
			return fmt.Errorf("the snapshot of the peers is not whole: %+v", *s)
		}
	}
	if peers < h.peers {
		return fmt.Errorf("%d peers in the snapshot, had %d at an earlier restart", peers, h.peers)
	}
	h.peers = peers
	return nil
}

// metricRestored is the number of peers that a daemon has taken in at its start.
const metricRestored = `keeptrack_snapshot_restored_peers{result="stored"}`

// compareRestored holds the peers that the daemon has taken in against the snapshot.
func (l *life) compareRestored(ctx context.Context) error {
	body, err := l.page(ctx, "/metrics")
	if err != nil {
		return err
	}
	if n := parseMetrics(body)[metricRestored]; n != float64(l.h.peers) {
		return fmt.Errorf("%v peers restored of %d in the snapshot", n, l.h.peers)
	}
	return nil
}
