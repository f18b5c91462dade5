// Command crashtest kills keeptrack again and again and looks whether its
// database can be trusted.
//
//	go run ./cmd/crashtest --kills 200 --seed 1 [--keeptrack PATH]
//
// It runs the real program (built from the current module unless a path is
// given) in a folder of its own, on loopback addresses, and keeps a book of
// every completed download that the daemon has acknowledged over UDP, and one of
// every override of the access list that it has acknowledged over the admin
// address. Each kill is a step, and each step is a SIGKILL at a random moment of
// one phase:
//
//   - random: while it serves, with announces and overrides going on;
//   - checkpoint: after a checkpoint has begun to write;
//   - snapshot: while a snapshot of the peers is written;
//   - override: while a request for an override has not been answered;
//   - backup: while a copy goes out over the admin address;
//   - compaction: `keeptrack db compact`, after a clean stop;
//   - creation: while a new file is made and brought to the newest schema, in
//     the way that an older one would be;
//   - start: before the daemon serves.
//
// A kill counts as inside of its phase only if that can be told afterwards: of a
// checkpoint, if pages have been written whose transaction has not been
// committed; of a snapshot, if its new file is there and not yet in place; of an override, if the request has been sent and no answer has come;
// of a backup, if the copy breaks off; of a compaction, if its new file is there
// and not yet in place; of a creation, if the file exists and has no schema yet;
// of a start, if the daemon has not said that it serves. Since a checkpoint, an
// override and a creation take a millisecond or a few, the daemon is halted first
// (SIGSTOP) and goes on, to be halted another time, if that was too late.
//
// What must hold after every kill:
//
//   - `keeptrack db verify` finds nothing, the daemon starts, is ready, has
//     loaded every torrent of the file, and scrapes tell the same counts;
//   - what had been acknowledged before the last checkpoint known to be
//     complete began is in the file, count and time of last announce (of the
//     checkpoints that end after a look at the metrics, the first may have begun
//     before that look, the second has not);
//   - no count is higher than what has been sent, no torrent has come from
//     nowhere, and no count, time or torrent that an earlier restart had seen is
//     lower or gone;
//   - the overrides of the access list are those acknowledged: their number in the
//     file, and once the daemon is started the list of them that it tells, and what
//     scrapes leave out; a last one that was not acknowledged may be there or not;
//   - the snapshot of the peers is whole, has no fewer peers than at an earlier
//     restart, and the daemon takes all of them in;
//   - after a clean stop, which comes before each compaction, everything
//     acknowledged is in the file, and no checkpoint has failed before.
//
// A phase that no kill has hit is tried again up to 20 times after the others; if
// that does not help the run has failed.
//
// It ends after the number of kills given, at the timeout, or with the first
// violation, whose message names seed and step; the exit status is then 1, and
// the folder is kept as it was at that moment. The seed decides on the order of
// phases, on torrents and on delays as shares of what they are measured to last;
// the rest is up to the machine, so that the same seed comes near the same
// moments but not upon them.
//
// With --soak it kills nobody: two instances in sync run for that long with
// everything on at once, see soak.
//
//	go run ./cmd/crashtest --soak 30m --rate 200 --torrents 2000
//
// What a process has written outlives its death, so that this says nothing on
// power loss.
//
// Memory is bounded by the number of torrents and what is acknowledged between
// two checkpoints.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"keeptrack/cmd/internal/harness"
)

// The exit statuses.
const (
	statusDone = iota
	statusFailed
	statusUsage
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run is main with its surroundings given.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o := options{Progress: stdout}
	flags := flag.NewFlagSet("crashtest", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.Program, "keeptrack", "", "the keeptrack `PROGRAM`; built if not given")
	flags.IntVar(&o.Kills, "kills", 200, "the `NUMBER` of kills")
	flags.Uint64Var(&o.Seed, "seed", 1, "what random choices are made from")
	flags.IntVar(&o.Torrents, "torrents", 60_000, "the `NUMBER` of torrents")
	flags.IntVar(&o.Rate, "rate", 3_000, "announces a second")
	flags.StringVar(&o.Phase, "phase", "", "the only `PHASE` to kill in; all if not given")
	soak := flags.Duration("soak", 0, "run two instances in sync for so long, in place of kills")
	timeout := flags.Duration("timeout", 30*time.Minute, "when to give up, beyond the soak")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return statusDone
	} else if err != nil {
		return statusUsage
	}
	if _, ok := phaseNamed(o.Phase); o.Phase != "" && !ok {
		fmt.Fprintf(stderr, "crashtest: there is no phase %q\n", o.Phase)
		return statusUsage
	}
	if flags.NArg() > 0 || o.Kills < 1 || o.Torrents < minTorrents || o.Rate < minRate {
		fmt.Fprintf(stderr, "crashtest: no arguments, at least 1 kill, %d torrents and %d announces a second\n", minTorrents, minRate)
		return statusUsage
	}
	ctx, cancel := context.WithTimeoutCause(ctx, *soak+*timeout, fmt.Errorf("not done after %v", *soak+*timeout))
	defer cancel()
	if err := runIn(ctx, o, *soak); err != nil {
		fmt.Fprintln(stderr, "crashtest:", err)
		return statusFailed
	}
	return statusDone
}

// runIn makes the folder, and the program if need be, and runs the session. The
// folder is removed if all is well.
func runIn(ctx context.Context, o options, lasts time.Duration) (err error) {
	if o.Dir, err = os.MkdirTemp("", "keeptrack-crashtest-"); err != nil {
		return err
	}
	if o.Program == "" {
		o.Program = filepath.Join(o.Dir, "keeptrack")
		if err := harness.Build(ctx, o.Program); err != nil {
			return errors.Join(err, os.RemoveAll(o.Dir))
		}
	}
	if o.Program, err = filepath.Abs(o.Program); err != nil {
		return err
	}
	var r runner = newSession(o)
	if lasts > 0 {
		r = newSoak(o, lasts)
	}
	err = r.run(ctx)
	r.print(o.Progress)
	if err != nil {
		return fmt.Errorf("%w\neverything is left in %s", cmp.Or(context.Cause(ctx), err), o.Dir)
	}
	return os.RemoveAll(o.Dir)
}

// runner is one run of whatever kind.
type runner interface {
	run(context.Context) error
	print(io.Writer)
}
