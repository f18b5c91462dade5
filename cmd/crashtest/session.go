package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// options say what to do to which program.
type options struct {
	Program  string // the keeptrack program
	Dir      string // where everything goes
	Kills    int
	Seed     uint64
	Torrents int
	Rate     int       // announces a second
	Phase    string    // the only one to kill in; empty: all
	Progress io.Writer // gets a line now and then, and the table
}

// The least that options ask for: fewer torrents would not be a mix of busy and
// quiet ones, and announces come in batches of one at least.
const (
	minTorrents = 1000
	minRate     = int(time.Second / batchEvery)
)

// progressEvery is the number of steps between two lines of progress.
const progressEvery = 10

// session is one run.
type session struct {
	opts   options
	file   string // the database
	config string
	list   string // the access list's file
	book   *book
	// overrides of the daemon that is there
	overrides *overrides
	report    report

	torrents int       // in the file, as of the last check
	peers    int       // in the snapshot beside it, as of the last check
	died     time.Time // when the process that had the file open ended last
	daemon   *daemon   // the last one; there is never more than one

	// lasts is how long phases last, as measured last or guessed: what kills are
	// aimed with.
	lasts struct {
		start                                                time.Duration
		checkpoint, compaction, creation, override, snapshot guess
	}
}

func newSession(o options) *session {
	h := &session{
		opts:   o,
		file:   filepath.Join(o.Dir, "keeptrack.db"),
		config: filepath.Join(o.Dir, "keeptrack.toml"),
		list:   filepath.Join(o.Dir, "refused.txt"),
		book:   newBook(hashes(o.Seed, o.Torrents)),
		report: report{began: time.Now()},
	}
	h.overrides = newOverrides(h.book)
	for _, g := range []*guess{&h.lasts.checkpoint, &h.lasts.compaction, &h.lasts.creation, &h.lasts.override, &h.lasts.snapshot} {
		*g = firstGuess
	}
	return h
}

// run carries out all steps. The error names the one that failed.
func (h *session) run(ctx context.Context) error {
	defer h.cleanUp()
	if err := h.prepare(ctx); err != nil {
		return fmt.Errorf("preparing: %w", err)
	}
	step := func(n int, p phase) error {
		if err := h.step(ctx, n, p); err != nil {
			return fmt.Errorf("seed %d, step %d (%s): %w", h.opts.Seed, n, p.name, err)
		}
		return nil
	}
	for i, p := range schedule(h.opts.Seed, h.opts.Kills, h.opts.Phase) {
		if err := step(i+1, p); err != nil {
			return err
		}
		if n := i + 1; n%progressEvery == 0 || n == h.opts.Kills {
			fmt.Fprintf(h.opts.Progress, "%d of %d kills, %v\n", n, h.opts.Kills, time.Since(h.report.began).Round(time.Second))
		}
	}
	if err := h.hitAll(step); err != nil {
		return err
	}
	return h.finish(ctx)
}

// maxMisses is how often a phase is killed in without a hit, beyond the schedule.
const maxMisses = 20

// hitAll kills again in the phases that no kill has hit, and fails if that does
// not help: a run that never hits a phase says nothing about it. step is given the
// number of the kill.
func (h *session) hitAll(step func(n int, p phase) error) error {
	n := h.opts.Kills
	for _, p := range h.report.missed() {
		for last := n + maxMisses; !h.report.hit(p); {
			if n++; n > last {
				return fmt.Errorf("seed %d: none of %d kills has hit the phase %s", h.opts.Seed, h.report.rows[p.name].kills, p.name)
			}
			if err := step(n, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// step kills once and looks at what is left.
func (h *session) step(ctx context.Context, n int, p phase) error {
	rng := rand.New(rand.NewPCG(h.opts.Seed, uint64(n)))
	out, err := p.kill(h, ctx, rng)
	if err != nil {
		return err
	}
	lost, err := h.check(ctx)
	if err != nil {
		return err
	}
	h.report.add(p.name, out, lost)
	return nil
}

// prepare makes the database, with most of the torrents in it, and measures how
// long it takes to compact it.
func (h *session) prepare(ctx context.Context) error {
	if err := errors.Join(os.WriteFile(h.list, h.overrides.file(), 0o600), h.writeConfig(h.config, h.file)); err != nil {
		return err
	}
	if err := h.importTorrents(ctx, h.opts.Torrents/10*9, time.Now().Add(-24*time.Hour)); err != nil {
		return err
	}
	if _, err := h.check(ctx); err != nil {
		return err
	}
	_, err := h.compact(ctx, nil)
	return err
}

// finish ends the run with a clean stop, after which everything is in the file.
func (h *session) finish(ctx context.Context) error {
	l, err := h.serve(ctx)
	if err != nil {
		return err
	}
	l.load(longestLoad)
	if err := l.end(); err != nil {
		return err
	}
	_, err = h.check(ctx)
	return err
}

func (h *session) print(w io.Writer) {
	h.report.print(w)
	fmt.Fprintln(w, h.overrides)
}

// cleanUp ends a daemon that an error has left behind, in a way that has its log
// tell where its goroutines were.
func (h *session) cleanUp() {
	if h.daemon == nil {
		return
	}
	p := h.daemon.Cmd.Process // may have ended, or be halted
	_, _ = p.Signal(syscall.SIGQUIT), p.Signal(syscall.SIGCONT)
	select {
	case <-h.daemon.Ended:
	case <-time.After(patience):
		_ = p.Kill()
		<-h.daemon.Ended
	}
}

// importTorrents reads the first n torrents into a new database, as though they
// had been announced last at a time.
func (h *session) importTorrents(ctx context.Context, n int, last time.Time) error {
	text := filepath.Join(h.opts.Dir, "torrents.txt")
	b := h.book.imported(n, last)
	if err := os.WriteFile(text, b, 0o600); err != nil {
		return err
	}
	_, err := h.keeptrack(ctx, "db", "import", h.file, text)
	h.died = time.Now()
	return err
}
