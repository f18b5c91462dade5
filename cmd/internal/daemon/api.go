package daemon

import (
	"errors"
	"net/http"
	"time"

	"keeptrack/cmd/internal/admin"
	"keeptrack/tracker"
	"keeptrack/tracker/busiest"
	"keeptrack/tracker/override"
	"keeptrack/tracker/trace"
)

// api returns what the admin address's JSON interface shows and does, once the
// database is loaded.
func (d *Daemon) api() (admin.API, error) {
	switch d.state.Load() {
	case loading:
		return nil, errLoading
	case stopping:
		return nil, errStopping
	}
	return api{d}, nil
}

// api is the JSON interface to a daemon that serves.
type api struct{ d *Daemon }

func (a api) Stats() admin.Stats {
	s, c := a.d.tracker.Stats(), a.d.checkpoints.snapshot()
	stats := admin.Stats{
		Version:    a.d.opts.Version,
		Started:    a.d.started.UTC(),
		Uptime:     time.Since(a.d.started).Seconds(),
		Time:       time.Now().UTC(),
		Torrents:   s.Torrents,
		Peers:      byFamily(s.Peers),
		Seeders:    byFamily(s.Seeders),
		Completed:  s.Completed,
		Rejected:   s.TorrentsRejected,
		Memory:     admin.MemoryState{Bytes: s.Memory, Limit: s.MaxMemory},
		Checkpoint: admin.CheckpointState{Written: c.done, Failed: c.failed, Last: c.last.UTC()},
	}
	if c.err != nil {
		stats.Checkpoint.Error = c.err.Error()
	}
	stats.Snapshot = snapshotState(a.d.peers.snapshot())
	return stats
}

func snapshotState(s snapshotStats) admin.SnapshotState {
	if !s.keep {
		return admin.SnapshotState{}
	}
	state := admin.SnapshotState{
		Enabled: true, Written: s.done, Failed: s.failed, Last: s.last.UTC(), Peers: s.peers, Bytes: s.bytes,
		Restored: admin.RestoredPeers{
			Stored: s.restored.Stored, Expired: s.restored.Expired, Rejected: s.restored.Rejected, DamagedBlocks: s.damaged,
		},
	}
	if s.err != nil {
		state.Error = s.err.Error()
	}
	return state
}

func byFamily(n [2]uint64) admin.ByFamily {
	return admin.ByFamily{IPv4: n[tracker.IPv4], IPv6: n[tracker.IPv6]}
}

func (a api) History() admin.History { return a.d.history.view() }

func (a api) Torrents(from tracker.InfoHash, limit int) []admin.Torrent {
	a.d.walking.Lock()
	defer a.d.walking.Unlock()
	return torrents(a.d.tracker.From(from, limit))
}

func (a api) Torrent(h tracker.InfoHash) (admin.Torrent, bool) {
	o, ok := a.d.tracker.Overview(h)
	return torrent(&o), ok
}

func (a api) Top(by tracker.Order, limit int) []admin.Torrent {
	a.d.walking.Lock()
	defer a.d.walking.Unlock()
	return torrents(a.d.tracker.Top(by, limit))
}

func torrents(all []tracker.Overview) []admin.Torrent {
	out := make([]admin.Torrent, len(all))
	for i := range all {
		out[i] = torrent(&all[i])
	}
	return out
}

func torrent(o *tracker.Overview) admin.Torrent {
	return admin.Torrent{
		InfoHash:     o.InfoHash,
		Seeders:      o.Seeders,
		Leechers:     o.Leechers,
		Downloaded:   o.Downloaded,
		LastAnnounce: time.Unix(60*int64(o.LastAnnounce), 0).UTC(),
		Refused:      o.Refused,
	}
}

func (a api) Busiest(limit int) (busiest.Report, error) {
	if a.d.busiest == nil {
		return busiest.Report{}, errNotCounted
	}
	return a.d.busiest.Report(limit), nil
}

func (a api) Trace(f trace.Filter) (*trace.Trace, error) {
	t, err := a.d.traces.Begin(f)
	switch {
	case errors.Is(err, trace.ErrFilter):
		return nil, &admin.Refusal{Status: http.StatusBadRequest, Err: err}
	case err != nil:
		return nil, &admin.Refusal{Status: http.StatusConflict, Err: err}
	}
	return t, nil
}

func (a api) Cluster() any { return a.d.group.cluster() }

func (a api) Gone(member, client string) error {
	switch err := a.d.group.gone(member); {
	case errors.Is(err, errNoMember):
		return &admin.Refusal{Status: http.StatusNotFound, Err: err}
	case err != nil:
		return &admin.Refusal{Status: http.StatusConflict, Err: err}
	}
	a.d.log.Info().Str("client", client).Str("member", member).Msg("a member of the group is declared gone for good")
	return nil
}

func (a api) Checkpoint(client string) (admin.Checkpoint, error) {
	began := time.Now()
	result, err := a.d.checkpoints.write()
	if err != nil {
		return admin.Checkpoint{}, err
	}
	took := time.Since(began)
	a.d.log.Info().Str("client", client).Int("records", result.Records).Dur("took_ms", took).Msg("checkpoint written on request")
	return admin.Checkpoint{Records: result.Records, Removed: result.Removed, Bytes: result.Bytes, Took: took.Seconds()}, nil
}

func (a api) AccessList() admin.AccessList {
	r := a.d.access
	r.mu.Lock()
	defer r.mu.Unlock()
	return admin.AccessList{
		Mode: r.config.Mode.String(), File: r.config.File, FileHashes: r.list.Len(), Overrides: r.overrides.Active(),
		Label: r.label.String(), Spreads: r.spread != nil,
	}
}

func (a api) Overrides(from tracker.InfoHash, limit int) []admin.Override {
	r := a.d.access
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.active(from, limit)
}

func (a api) Listed(h tracker.InfoHash) admin.Listed {
	r := a.d.access
	r.mu.Lock()
	defer r.mu.Unlock()
	access := r.tracker.Access()
	listed := admin.Listed{InfoHash: h, InFile: r.list.Has(&h), Listed: access.Lists(&h), Refused: access.Refuses(&h), Spreads: r.spread != nil}
	if o, there := r.overrides.Find(h); there && o.Decision != override.Dropped {
		shown := r.shown(&o)
		listed.Override = &shown
	}
	return listed
}

func (a api) List(h tracker.InfoHash, listed bool, client string) error {
	return refusal(a.d.access.override(h, listed, client))
}

func (a api) Decide(h tracker.InfoHash, refuse bool, client string) error {
	d := override.Serve
	if refuse {
		d = override.Refuse
	}
	return refusal(a.d.access.overrideBy(h, d, client))
}

func (a api) Forget(h tracker.InfoHash, client string) error {
	return refusal(a.d.access.forget(h, client))
}

// refusal makes an error of the client's what the client is told.
func refusal(err error) error {
	if errors.Is(err, errOverrides) || errors.Is(err, errOverrideOpen) {
		return &admin.Refusal{Status: http.StatusConflict, Err: err}
	}
	return err
}

// ReloadAccess refuses a list that cannot be used: the old one stays in force.
func (a api) ReloadAccess(client string) error {
	if err := a.d.reloadAccess(client); err != nil {
		return &admin.Refusal{Status: http.StatusUnprocessableEntity, Err: err}
	}
	return nil
}
