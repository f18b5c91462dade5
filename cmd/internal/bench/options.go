package bench

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Options say which tracker to put under load, how hard and for how long.
type Options struct {
	Load
	// URL is the one to announce to, udp:// or http://.
	URL string
	// Rate is the number of requests a second, sent when they are due whatever
	// the tracker does (open loop). 0 sends the next request when one is
	// answered (closed loop).
	Rate float64
	// Attack is the number of datagrams a second that are sent beside the load,
	// from addresses of their own, and are no valid requests.
	Attack float64
	// Window is the number of requests in flight in the closed loop. Over HTTP
	// it is the number of connections, in the open loop as well. 0 is 200 over
	// UDP and 64 over HTTP.
	Window int
	// Duration is the time after which no more is sent. 0 is 10 seconds, or 10
	// minutes if Requests or Fill bounds the run.
	Duration time.Duration
	// Requests is the number of requests after which no more is sent; 0 is no
	// such bound.
	Requests uint64
	// Timeout is the time after which a request is given up as lost.
	Timeout time.Duration
	// Close has every HTTP request go over a connection of its own.
	Close bool
	// PID is the tracker's process, whose use of CPU and memory is measured;
	// 0 is none.
	PID int
}

// Load says what is asked of the tracker. Everything in it follows from Seed:
// the same load sends the same requests in the same order.
type Load struct {
	Seed uint64
	// Torrents is the number of torrents. Their info hashes follow from Seed
	// and the torrent's number alone.
	Torrents int
	// Sources is the number of addresses, or sockets where addresses cannot be
	// had, that requests come from; Peers is the number of ports that each
	// announces. A peer is one port of one source.
	Sources, Peers int
	// Zipf is the exponent of the torrents' popularity: the n-th is asked for
	// in proportion to n^-Zipf. 0 makes all equally popular.
	Zipf float64
	// Mix and Events are the shares of the kinds of requests and of the events
	// in announces.
	Mix    Mix
	Events Events
	// Seeders is the share of seeders among the peers of a torrent, OldIDs the
	// share of UDP requests with a connection id that has been replaced since,
	// each from 0 to 1.
	Seeders, OldIDs float64
	// NumWant is the number of peers asked for; negative leaves it to the
	// tracker.
	NumWant int32
	// Fill announces as started every torrent with every port, once and in
	// turn, in place of what Mix, Events and Zipf say.
	Fill bool
}

// Bounds of what can be asked for, and the ports that peers announce.
const (
	firstPort   = 1024
	maxPeers    = math.MaxUint16 - firstPort + 1
	maxTorrents = 1 << 30
	maxSources  = 1 << 14
	maxWindow   = 1 << 16
)

// DefaultOptions returns the load of a public tracker: a mix of a quarter
// connects and a few scrapes, old connection ids as they are seen there.
func DefaultOptions() Options {
	return Options{
		Load: Load{
			Seed:     1,
			Torrents: 10_000,
			Sources:  64,
			Peers:    16,
			Zipf:     0.8,
			Mix:      Mix{Connect: 23, Announce: 75, Scrape: 2},
			Events:   defaultEvents,
			Seeders:  0.6,
			OldIDs:   0.15,
			NumWant:  50,
		},
		Timeout: time.Second,
	}
}

// withDefaults puts in what zero values stand for.
func (o Options) withDefaults(stream bool) Options {
	if o.Window == 0 {
		o.Window = 200
		if stream {
			o.Window = 64
		}
	}
	if o.Duration == 0 {
		o.Duration = 10 * time.Second
		if o.Requests > 0 || o.Fill {
			o.Duration = 10 * time.Minute
		}
	}
	if everything := uint64(o.Torrents) * uint64(o.Peers); o.Fill && (o.Requests == 0 || o.Requests > everything) {
		o.Requests = everything
	}
	if stream {
		o.Mix[Connect] = 0
	}
	return o
}

// validate returns everything that is wrong with the options.
func (o *Options) validate() error {
	return errors.Join(
		o.Load.Validate(),
		within("rate", o.Rate, 0, 1e9),
		within("rate of the attack", o.Attack, 0, 1e9),
		within("window", float64(o.Window), 1, maxWindow),
		within("duration in seconds", o.Duration.Seconds(), 1e-9, math.MaxInt32),
		within("timeout in seconds", o.Timeout.Seconds(), 1e-3, 3600),
		within("process", float64(o.PID), 0, math.MaxInt32),
	)
}

// Validate returns everything that is wrong with the load.
func (l *Load) Validate() error {
	return errors.Join(
		within("torrents", float64(l.Torrents), 1, maxTorrents),
		within("sources", float64(l.Sources), 1, maxSources),
		within("peers", float64(l.Peers), 1, maxPeers),
		within("popularity exponent", l.Zipf, 0, 10),
		within("share of seeders", l.Seeders, 0, 1),
		within("share of old connection ids", l.OldIDs, 0, 1),
		checkShares("mix", l.Mix[:]),
		checkShares("events", l.Events[:]),
	)
}

// within refuses what is outside of the bounds, and what is no number.
func within(name string, v, low, high float64) error {
	if v >= low && v <= high {
		return nil
	}
	text := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	return fmt.Errorf("%s: %s is not from %s to %s", name, text(v), text(low), text(high))
}
