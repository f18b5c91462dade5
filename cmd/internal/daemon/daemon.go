// Package daemon builds keeptrack's parts from a config, ties them together,
// runs them and stops them in the right order.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/cmd/internal/certificates"
	"keeptrack/cmd/internal/config"
	"keeptrack/cmd/internal/listen"
	"keeptrack/cmd/internal/memory"
	"keeptrack/livesync/wire"
	"keeptrack/store"
	"keeptrack/tracker"
	"keeptrack/tracker/busiest"
	"keeptrack/tracker/trace"
)

// Options are what a Daemon is built from.
type Options struct {
	Config *config.Config
	// ConfigPath is the file that the config came from, read again on reload;
	// empty if it is the default one.
	ConfigPath string
	// AccessList is what the config's access list holds until the first reload;
	// nil: nothing.
	AccessList *tracker.HashSet
	// Keys seal live sync packets until the first reload; nil: they are not
	// sealed.
	Keys *wire.Keys
	// Passed are the sockets that a service manager has passed; nil: none.
	Passed  *listen.Passed
	Version string
	// Reload asks for the config to be read again each time it receives.
	Reload <-chan os.Signal
	Log    zerolog.Logger
	// LogLost returns the number of log lines that were not written; nil: nobody
	// counts them.
	LogLost func() uint64
}

// Daemon is the tracker with everything around it.
type Daemon struct {
	opts    Options
	config  *config.Config
	log     zerolog.Logger
	started time.Time

	account  account // whom the process becomes
	database string  // the path of the file
	binder   *listen.Binder
	admin    *listen.Listeners // one or none
	loaded   []func() error    // see whenLoaded
	ends     []func() error    // see atEnd

	store       *store.Store
	tracker     *tracker.Tracker
	access      *accessRules
	checkpoints *checkpointer
	peers       *peerKeeper
	certificate *certificates.Files // nil: no HTTPS, or ACME
	group       group
	history     *history
	busiest     *busiest.Busiest // nil: off
	traces      trace.Traces
	rekey       func(*wire.Keys) error // has connection ids made from these keys, if they are made from keys
	stages
	state atomic.Int32 // a state; all of the above is set once it is not loading

	ending     <-chan struct{}              // closed when the daemon is to stop
	reloading  sync.Mutex                   // held while the config or the access list is read again
	lastReload atomic.Pointer[reloadResult] // nil before the first
	walking    sync.Mutex                   // held while the admin address goes through all torrents
}

// The states of a Daemon.
const (
	loading int32 = iota
	serving
	stopping
)

// Run opens the database, loads it, serves until ctx is done and then stops.
// It returns nil only if everything that was to be kept is in the database.
func Run(ctx context.Context, o Options) error {
	d := &Daemon{opts: o, config: o.Config, database: o.Config.Store.Path, log: o.Log, started: time.Now(), group: alone{}, rekey: func(*wire.Keys) error { return nil }}
	if err := d.bind(); err != nil {
		return err
	}
	d.makeAdmin()
	return errors.Join(d.outer.around(ctx, d.run), d.close())
}

// run is Run but for the outer stage.
func (d *Daemon) run(ctx context.Context) (err error) {
	d.ending = ctx.Done()
	if err := d.load(); err != nil {
		return err
	}
	defer func() {
		if closeErr := d.store.Close(); closeErr != nil {
			err = errors.Join(err, closeErr)
		}
	}()
	if err := d.makeParts(); err != nil {
		return err
	}
	d.state.Store(serving)
	d.logServing()
	if err := memory.ReleaseProgram(); err != nil {
		d.log.Debug().Err(err).Msg("the program's pages cannot be released from memory")
	}
	stopped := make(chan struct{})
	var notifying sync.WaitGroup
	notifying.Go(func() { d.keepNotifying(ctx, stopped) })
	defer notifying.Wait()
	defer close(stopped)
	err = d.back.around(ctx, func(ctx context.Context) error { return d.front.around(ctx, untilDone) })
	d.state.Store(stopping)
	d.log.Info().Msg("stopping")
	_, finalErr := d.checkpoints.write()
	d.peers.last() // the counts come first
	if finalErr != nil {
		return errors.Join(err, finalErr)
	}
	d.log.Info().Int("torrents", d.tracker.Torrents()).Msg("stopped")
	return err
}

// load opens the database and takes in what it holds.
func (d *Daemon) load() (err error) {
	c := d.config
	budget := MemoryBudget(c.Tracker.MaxMemory)
	logBudget(budget, c.Tracker.MaxMemory, d.log)
	if d.store, err = store.Open(d.database, d.log); err != nil {
		return d.asUser(err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.store.Close())
		}
	}()
	if c.Tracker.TopClients {
		d.busiest = busiest.New(d.started)
	}
	d.tracker = tracker.New(d.trackerOptions(budget), d.started)
	if d.access, err = newAccessRules(d.store, d.tracker, c.Access, d.opts.AccessList, d.log); err != nil {
		return err
	}
	if err = d.loadRecords(); err != nil {
		return err
	}
	d.checkpoints = newCheckpointer(d.store, d.tracker, c.Store.CheckpointInterval, d.log)
	d.peers = newPeerKeeper(d.database, d.store, d.tracker, c, d.log)
	d.peers.restore()
	return nil
}

func (d *Daemon) trackerOptions(b Budget) tracker.Options {
	c := &d.config.Tracker
	return tracker.Options{
		AnnounceInterval:      c.AnnounceInterval,
		IntervalJitter:        c.IntervalJitter,
		MinAnnounceInterval:   c.MinAnnounceInterval,
		PeerTimeout:           c.PeerTimeout,
		TorrentTimeout:        c.TorrentTimeout,
		RenewAfter:            d.config.LiveSync.RenewAfter,
		MaxMemory:             b.Bytes,
		MaxTorrents:           c.MaxTorrents,
		MaxPeersPerAddress:    c.MaxPeersPerAddress,
		MaxTorrentsPerAddress: c.MaxTorrentsPerAddress,
		DefaultNumWant:        c.DefaultNumWant,
		MaxNumWant:            c.MaxNumWant,
		AllowPrivate:          c.AllowPrivateAddresses,
		AllowNetworks:         c.AllowNetworks,
		WantCheckpoint:        func() { d.checkpoints.hasten() },
	}
}

// makeParts makes the parts, once the database is loaded.
func (d *Daemon) makeParts() error {
	for _, f := range d.loaded {
		if err := f(); err != nil {
			return err
		}
	}
	d.front = append(d.front, reloads{d: d})
	if d.config.Admin.Listen != (config.Endpoint{}) { // or nobody can look at it
		d.history = &history{parts: d.parts}
		d.front = append(d.front, d.history)
	}
	if d.busiest != nil {
		d.back = append(d.back, busiestPart{Busiest: d.busiest})
	}
	d.back = append(d.back, trackerPart{Tracker: d.tracker, store: d.store}, d.checkpoints, d.peers, d.access,
		&unreachableWarner{tracker: d.tracker, log: d.log})
	return nil
}

// impaired returns what does not work although the daemon serves its clients: they
// are not to be sent elsewhere for it. It returns nil when everything works.
func (d *Daemon) impaired() error {
	if d.state.Load() == loading {
		return nil
	}
	return d.group.impaired()
}

// ready returns nil while the daemon serves, its database can be written and the peers
// of the group's other instances are not awaited.
func (d *Daemon) ready() error {
	switch d.state.Load() {
	case loading:
		return errLoading
	case stopping:
		return errStopping
	}
	if err := d.checkpoints.failure(); err != nil {
		return fmt.Errorf("the database cannot be written: %w", err)
	}
	return d.group.filling()
}
