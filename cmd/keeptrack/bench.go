package main

import (
	"context"
	"errors"
	"os"
	"os/signal"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"keeptrack/cmd/internal/bench"
	"keeptrack/cmd/internal/client"
)

// benchFlags are the flags of keeptrack bench that are not options of the load.
type benchFlags struct {
	mix, events string
	writeHashes string
	json        bool
}

func newBenchCommand() *cobra.Command {
	o, f := bench.DefaultOptions(), benchFlags{}
	cmd := &cobra.Command{
		Use:   "bench URL",
		Short: "Put a tracker under load and measure it",
		Long: `Put any tracker under load, check every answer and print figures.

The URL is the one to announce to, udp:// or http://. Without --rate the next
request goes out when one is answered (closed loop); with it requests go out when
they are due, and latency counts from then (open loop). The run ends after
--duration or --requests, or with an interrupt; the figures are of the run up to then.

To a tracker on 127.0.0.0/8 each source has an address in 127.1.0.0/16; keeptrack
stores such peers only with tracker.allow_private_addresses. The same seed sends
the same requests to the same torrents. --write-hashes writes the torrents for a
tracker with an access list.`,
		Example: `  keeptrack bench udp://127.0.0.1:6969 --pid $(pidof keeptrack)
  keeptrack bench http://127.0.0.1:6969/announce --close --rate 2000 --duration 30s
  keeptrack bench udp://127.0.0.1:6969 --fill --torrents 1000000 --peers 1
  keeptrack bench --torrents 10000 --write-hashes whitelist.txt`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0 && f.writeHashes == "":
				return errors.New("the URL of a tracker is missing")
			case len(args) > 1:
				return errors.New("there is more than one URL")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.parseInto(&o.Load); err != nil {
				return usageError{err}
			}
			if f.writeHashes != "" {
				return writeHashes(f.writeHashes, o.Load)
			}
			o.URL = args[0]
			return runBench(cmd, o, f.json)
		},
	}
	f.mix, f.events = o.Mix.String(), o.Events.String()
	addLoadFlags(cmd.Flags(), &o.Load, &f)
	addRunFlags(cmd.Flags(), &o)
	cmd.Flags().BoolVar(&f.json, "json", false, "print a JSON object")
	completeShares(cmd, "mix", bench.KindNames())
	completeShares(cmd, "events", client.EventList())
	return cmd
}

func addLoadFlags(flags *pflag.FlagSet, l *bench.Load, f *benchFlags) {
	flags.IntVar(&l.Torrents, "torrents", l.Torrents, "the `NUMBER` of torrents")
	flags.IntVar(&l.Peers, "peers", l.Peers, "the `NUMBER` of peers, which are ports, of each source")
	flags.IntVar(&l.Sources, "sources", l.Sources, "the `NUMBER` of addresses, or sockets, that requests come from")
	flags.Float64Var(&l.Zipf, "zipf", l.Zipf, "the `EXPONENT` of the torrents' popularity; 0 makes all equal")
	flags.StringVar(&f.mix, "mix", f.mix, "the `SHARES` of the kinds of requests; HTTP has no connect")
	flags.StringVar(&f.events, "events", f.events, "the `SHARES` of the events in announces; only seeders complete")
	flags.Float64Var(&l.Seeders, "seeders", l.Seeders, "the `SHARE` of seeders among the peers")
	flags.Float64Var(&l.OldIDs, "old-ids", l.OldIDs, "the `SHARE` of UDP requests with a connection id up to 5 minutes old")
	flags.Int32Var(&l.NumWant, "numwant", l.NumWant, "the `NUMBER` of peers wanted; -1 leaves it to the tracker")
	flags.BoolVar(&l.Fill, "fill", false, "announce every torrent with every port, once and in turn")
	flags.Uint64Var(&l.Seed, "seed", l.Seed, "the `NUMBER` from which torrents and requests are derived")
	flags.StringVar(&f.writeHashes, "write-hashes", "", "write the torrents' info hashes to `FILE`, one a line, and exit")
}

func addRunFlags(flags *pflag.FlagSet, o *bench.Options) {
	flags.Float64Var(&o.Rate, "rate", 0, "the `NUMBER` of requests a second; 0 is the closed loop")
	flags.Float64Var(&o.Attack, "attack", 0, "the `NUMBER` of datagrams a second to send beside the load that are not valid\nrequests, from other addresses")
	flags.IntVar(&o.Window, "window", 0, "the `NUMBER` of requests in flight in the closed loop; over HTTP, the number of\nconnections in both loops (default 200 over UDP, 64 over HTTP)")
	flags.DurationVar(&o.Duration, "duration", 0, "the `TIME` after which to end (default 10s, or 10m with --requests or --fill)")
	flags.Uint64Var(&o.Requests, "requests", 0, "the `NUMBER` of requests after which to end")
	flags.DurationVar(&o.Timeout, "timeout", o.Timeout, "the `TIME` after which a request is lost")
	flags.BoolVar(&o.Close, "close", false, "over HTTP, make a new connection for every request")
	flags.IntVar(&o.PID, "pid", 0, "the tracker's `PROCESS`, to measure its CPU and memory")
}

func (f *benchFlags) parseInto(l *bench.Load) error {
	var mixErr, eventsErr error
	l.Mix, mixErr = bench.ParseMix(f.mix)
	l.Events, eventsErr = bench.ParseEvents(f.events)
	return errors.Join(mixErr, eventsErr)
}

// runBench prints the figures even if the run failed, when there are any. An
// interrupt ends the run, a second one the process.
func runBench(cmd *cobra.Command, o bench.Options, asJSON bool) error {
	b, err := bench.New(o)
	if err != nil {
		return usageError{err}
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop)
	report, err := b.Run(ctx)
	if report.Sent == 0 {
		return err
	}
	write := report.WriteText
	if asJSON {
		write = report.WriteJSON
	}
	return errors.Join(err, write(cmd.OutOrStdout()))
}

func writeHashes(path string, l bench.Load) error {
	if err := l.Validate(); err != nil {
		return usageError{err}
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(bench.WriteHashes(file, l), file.Close())
}
