// Package bench puts a tracker, any tracker, under load over UDP (BEP 15) or
// HTTP (BEP 3), checks every answer and measures.
//
// Plan says what is sent, pace when; a driver speaks the protocol over a link,
// which is the system's sockets; the ledger keeps account; the engine ties them
// together in one goroutine, which on Linux gives the garbage collector nothing
// to do.
package bench

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"
)

// ErrUnanswered says that no request was answered.
var ErrUnanswered = errors.New("nothing was answered")

// Bench is a load that is ready to run.
type Bench struct {
	opts   Options
	url    *url.URL
	stream bool           // HTTP
	writer *requestWriter // of HTTP
}

// New checks the options and returns what they describe.
func New(o Options) (*Bench, error) {
	b := &Bench{}
	var err error
	if b.url, err = url.Parse(o.URL); err != nil && strings.Contains(o.URL, "://") {
		return nil, err
	}
	b.stream = err == nil && b.url.Scheme == "http"
	switch {
	case err != nil, !b.stream && b.url.Scheme != "udp":
		return nil, fmt.Errorf("%s: the URL of a load starts with udp:// or http://", o.URL)
	case b.url.Hostname() == "":
		return nil, fmt.Errorf("%s: no host", o.URL)
	case !b.stream && b.url.Port() == "":
		return nil, fmt.Errorf("%s: a udp:// URL needs a port", o.URL)
	}
	b.opts = o.withDefaults(b.stream)
	if err := b.opts.validate(); err != nil {
		return nil, err
	}
	if b.stream && o.Attack > 0 {
		return nil, errors.New("an attack is only possible over UDP")
	}
	if b.stream {
		scrapes := b.opts.Mix[Scrape] > 0 && !o.Fill
		if b.writer, err = newRequestWriter(b.url, o.NumWant, o.Close, scrapes); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// Run puts the load on the tracker until it ends or ctx is done, then waits
// for the answers still missing, as long as the timeout at most. If no
// request was answered it returns the report and ErrUnanswered.
func (b *Bench) Run(ctx context.Context) (Report, error) {
	port := b.url.Port()
	if port == "" {
		port = "80"
	}
	r, err := newRoute(ctx, b.stream, b.url.Hostname(), port, b.opts.Sources)
	if err != nil {
		return Report{}, err
	}
	return b.run(ctx, r, openLink)
}

func (b *Bench) run(ctx context.Context, r route, open linkOpener) (Report, error) {
	start := time.Now()
	l := newLedger(func() int64 { return int64(time.Since(start)) }, int64(b.opts.Timeout))
	e, err := b.engine(r, open, l)
	if err != nil {
		return Report{}, err
	}
	defer e.close()
	if err := e.driver.open(ctx); err != nil {
		return Report{}, fmt.Errorf("%s: %w", b.opts.URL, err)
	}
	before, err := b.usages()
	if err != nil {
		return Report{}, err
	}
	defer context.AfterFunc(ctx, func() { e.stop.Store(true) })()
	start = time.Now()
	out := e.run()
	report := newReport(&b.opts, b.stream, l, out)
	if e.attack != nil {
		attack := e.attack.end(out.sending)
		report.Attack = &attack
	}
	after, err := b.usages()
	for _, p := range []struct {
		pid  int
		into **Process
	}{{b.opts.PID, &report.Tracker}, {os.Getpid(), &report.Generator}} {
		if u, ok := after[p.pid]; ok {
			*p.into = report.process(p.pid, before[p.pid], u)
		}
	}
	if report.Good+report.Errors == 0 {
		return report, errors.Join(ErrUnanswered, err)
	}
	return report, err
}

// engine puts the parts together.
func (b *Bench) engine(r route, open linkOpener, l *ledger) (*engine, error) {
	sockets := r.sources
	if b.stream {
		sockets = b.opts.Window
	}
	link, err := open(r, sockets)
	if err != nil {
		return nil, err
	}
	plan, pace := NewPlan(b.opts.Load), newPace(&b.opts)
	e := &engine{pace: &pace, ledger: l}
	if b.stream {
		e.driver = newHTTPDriver(plan, &pace, l, link, b.writer, &b.opts)
	} else {
		e.driver = newUDPDriver(plan, &pace, l, link, r, b.url)
	}
	if b.opts.Attack > 0 {
		if e.attack, err = newAttacker(&b.opts, r, open); err != nil {
			e.driver.close()
			return nil, err
		}
	}
	return e, nil
}

// usages reads what this process has used, where that can be known, and the
// tracker's if one was named.
func (b *Bench) usages() (map[int]usage, error) {
	found := map[int]usage{}
	for _, pid := range []int{os.Getpid(), b.opts.PID} {
		u, err := readUsage(pid)
		if err == nil {
			found[pid] = u
		} else if pid == b.opts.PID && pid != 0 {
			return found, err
		}
	}
	return found, nil
}
