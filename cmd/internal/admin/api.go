package admin

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"keeptrack/tracker"
	"keeptrack/tracker/busiest"
	"keeptrack/tracker/trace"
)

// API is what the JSON interface shows and does. A client is the address of who
// asks, for the log. An error is answered as status 503 unless it is a Refusal.
type API interface {
	Stats() Stats
	// History returns what was counted over the last minutes.
	History() History
	// Torrents returns up to limit torrents in order of info hash, from on.
	Torrents(from tracker.InfoHash, limit int) []Torrent
	// Torrent returns what there is to tell of a torrent, and whether it is
	// kept.
	Torrent(h tracker.InfoHash) (Torrent, bool)
	// Top returns the limit highest-ranked torrents by an order.
	Top(by tracker.Order, limit int) []Torrent
	// Busiest returns who has sent most requests of late, at most limit networks and
	// client programs, or an error if that is not counted.
	Busiest(limit int) (busiest.Report, error)
	// Trace begins to tell of requests. A filter that lets everything through is a
	// Refusal, and so is one trace too many.
	Trace(f trace.Filter) (*trace.Trace, error)
	// Cluster returns the state of live sync.
	Cluster() any
	// Gone notes that a member of the group, named by its label or its origin, is gone
	// for good.
	Gone(member, client string) error
	// AccessList returns the access list in force.
	AccessList() AccessList
	// Overrides returns up to limit overrides in order of info hash, from on.
	Overrides(from tracker.InfoHash, limit int) []Override
	// Listed returns what the access list says of an info hash.
	Listed(h tracker.InfoHash) Listed
	// List adds an info hash to the access list or takes it off.
	List(h tracker.InfoHash, listed bool, client string) error
	// Decide has an info hash refused or served, in every mode but open.
	Decide(h tracker.InfoHash, refuse bool, client string) error
	// Forget drops the override of an info hash.
	Forget(h tracker.InfoHash, client string) error
	// ReloadAccess reads the access list's file again.
	ReloadAccess(client string) error
	// Checkpoint writes to the database what has changed.
	Checkpoint(client string) (Checkpoint, error)
}

// Stats are sums over the whole tracker.
type Stats struct {
	Version    string          `json:"version"`
	Started    time.Time       `json:"started"`
	Uptime     float64         `json:"uptime_seconds"`
	Time       time.Time       `json:"time"` // by the daemon's clock, as of the answer
	Torrents   int             `json:"torrents"`
	Peers      ByFamily        `json:"peers"`
	Seeders    ByFamily        `json:"seeders"`
	Completed  uint64          `json:"completed"`
	Rejected   uint64          `json:"turned_away"`
	Memory     MemoryState     `json:"memory"`
	Checkpoint CheckpointState `json:"checkpoint"`
	Snapshot   SnapshotState   `json:"snapshot"`
}

// ByFamily is a number for each address family.
type ByFamily struct {
	IPv4 uint64 `json:"ipv4"`
	IPv6 uint64 `json:"ipv6"`
}

// MemoryState is the memory that torrents and peers take up and may take up, in
// bytes. A Limit of 0 is none.
type MemoryState struct {
	Bytes int64 `json:"bytes"`
	Limit int64 `json:"limit_bytes"`
}

// CheckpointState says how checkpoints fare.
type CheckpointState struct {
	Written uint64 `json:"written"`
	Failed  uint64 `json:"failed"`
	// Last is when the last one was done; before the first, the start.
	Last time.Time `json:"last"`
	// Error says why the latest one failed, empty if it did not.
	Error string `json:"error,omitempty"`
}

// SnapshotState says how snapshots of the peers fare.
type SnapshotState struct {
	// Enabled says that peers are kept over a restart. If not, all else is zero.
	Enabled bool   `json:"enabled"`
	Written uint64 `json:"written"`
	Failed  uint64 `json:"failed"`
	// Last is when the last one was done; before the first, the start.
	Last time.Time `json:"last,omitzero"`
	// Peers and Bytes are those of the last one since the start.
	Peers uint64 `json:"peers"`
	Bytes int64  `json:"bytes"`
	// Error says why the latest one failed, empty if it did not.
	Error string `json:"error,omitempty"`
	// Restored says what became of the snapshot that was there at the start.
	Restored RestoredPeers `json:"restored"`
}

// RestoredPeers count the peers that were there at the start by what became of them.
type RestoredPeers struct {
	Stored   uint64 `json:"stored"`
	Expired  uint64 `json:"expired"`
	Rejected uint64 `json:"turned_away"`
	// DamagedBlocks counts the parts that could not be read.
	DamagedBlocks int `json:"damaged_blocks"`
}

// Torrent is what an operator is told of a torrent.
type Torrent struct {
	InfoHash     tracker.InfoHash `json:"info_hash"`
	Seeders      uint32           `json:"seeders"`
	Leechers     uint32           `json:"leechers"`
	Downloaded   uint64           `json:"downloaded"`
	LastAnnounce time.Time        `json:"last_announce"`
	// Refused says that the access list refuses it.
	Refused bool `json:"refused"`
}

// Checkpoint says what one has written.
type Checkpoint struct {
	Records int     `json:"records"`
	Removed int     `json:"removed"`
	Bytes   int64   `json:"bytes"`
	Took    float64 `json:"took_seconds"`
}

// route is a part of the JSON interface: its method and path, and what it
// returns to be sent as JSON.
type route struct {
	method, path string
	do           func(a API, r *http.Request) (any, error)
}

// routes are all of the JSON interface but for those that are no JSON.
var routes = []route{
	{"GET", "/api/v1/stats", func(a API, _ *http.Request) (any, error) { return a.Stats(), nil }},
	{"GET", "/api/v1/history", func(a API, _ *http.Request) (any, error) { return a.History(), nil }},
	{"GET", "/api/v1/torrents", listTorrents},
	{"GET", "/api/v1/torrents/{hash}", getTorrent},
	{"GET", "/api/v1/top", getTop},
	{"GET", "/api/v1/networks", getNetworks},
	{"GET", "/api/v1/clients", getClients},
	{"GET", "/api/v1/cluster", func(a API, _ *http.Request) (any, error) { return a.Cluster(), nil }},
	{"DELETE", "/api/v1/cluster/{member}", removeMember},
	{"GET", "/api/v1/access", getAccess},
	{"POST", "/api/v1/access/reload", reloadAccess},
	{"GET", "/api/v1/access/{hash}", getListed},
	{"PUT", "/api/v1/access/{hash}", func(a API, r *http.Request) (any, error) { return setListed(a, r, true) }},
	{"DELETE", "/api/v1/access/{hash}", func(a API, r *http.Request) (any, error) { return setListed(a, r, false) }},
	{"PUT", "/api/v1/access/{hash}/override", decide},
	{"DELETE", "/api/v1/access/{hash}/override", forget},
	{"POST", "/api/v1/checkpoint", func(a API, r *http.Request) (any, error) { return a.Checkpoint(clientOf(r)) }},
}

func removeMember(a API, r *http.Request) (any, error) {
	if err := a.Gone(r.PathValue("member"), clientOf(r)); err != nil {
		return nil, err
	}
	return a.Cluster(), nil
}

func listTorrents(a API, r *http.Request) (any, error) {
	p, err := readPage(r)
	if err != nil {
		return nil, err
	}
	torrents, next := cut(a.Torrents(p.from, p.limit+1), p.limit, func(t *Torrent) tracker.InfoHash { return t.InfoHash })
	return struct {
		Torrents []Torrent `json:"torrents"`
		Next     string    `json:"next,omitempty"`
	}{torrents, next}, nil
}

func getTorrent(a API, r *http.Request) (any, error) {
	h, err := pathHash(r)
	if err != nil {
		return nil, err
	}
	t, ok := a.Torrent(h)
	if !ok {
		return nil, &Refusal{http.StatusNotFound, fmt.Errorf("torrent %s is not kept", h)}
	}
	return t, nil
}

func getTop(a API, r *http.Request) (any, error) {
	by := cmp.Or(r.URL.Query().Get("by"), tracker.OrderNames[tracker.ByPeers])
	limit, err := readLimit(r)
	if err != nil {
		return nil, err
	}
	order := slices.Index(tracker.OrderNames[:], by)
	if order < 0 {
		return nil, badRequest(fmt.Errorf("by: must be one of %s", strings.Join(tracker.OrderNames[:], ", ")))
	}
	return struct {
		By       string    `json:"by"`
		Torrents []Torrent `json:"torrents"`
	}{by, orNone(a.Top(tracker.Order(order), limit))}, nil
}
