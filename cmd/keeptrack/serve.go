package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"keeptrack/cmd/internal/config"
	"keeptrack/cmd/internal/daemon"
	"keeptrack/cmd/internal/listen"
	"keeptrack/cmd/internal/logging"
	"keeptrack/cmd/internal/version"
)

func newServeCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the tracker",
		Long: `Run the tracker until it is told to stop by SIGTERM or SIGINT.

Without a config it answers UDP and HTTP on port 6969 of every address, has its
admin address on 127.0.0.1:6970 and keeps its counts in keeptrack.db in the
working directory. Each key can also be set by the environment, over the config:
KEEPTRACK_UDP_WORKERS is udp.workers. SIGHUP reads the config again.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return serveLogging(cmd.Context(), path, cmd.ErrOrStderr())
		},
	}
	filledVar(cmd.Flags(), &path, "config", "the config `FILE`")
	return cmd
}

// gcPercent is how much the heap may grow before garbage is collected, in
// percent of what is in use, unless GOGC says otherwise. What the tracker holds
// has hardly any pointers to follow, so collecting often costs little, and
// waiting longer would only hold memory.
const gcPercent = 10

// collectGarbage has garbage collected after gcPercent, and earlier when memory nears
// what the budget allows, unless GOGC or GOMEMLIMIT say otherwise.
func collectGarbage(c *config.Config) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	limit := daemon.MemoryBudget(c.Tracker.MaxMemory).RuntimeBytes()
	if limit > 0 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit)
	}
}

// secondSignal is how long after the first signal a second one is taken for the same.
const secondSignal = time.Second

// lastLines is how long the last lines of the log may take to be written.
const lastLines = 2 * time.Second

// serveLogging is serve with its log and its error written to w, whatever
// becomes of who reads that.
func serveLogging(ctx context.Context, path string, w io.Writer) error {
	signal.Ignore(syscall.SIGPIPE) // a log without a reader is no reason to end
	out := logging.New(w)
	defer out.Close(lastLines)
	isTerminal := false
	if f, ok := w.(*os.File); ok {
		isTerminal = isatty.IsTerminal(f.Fd())
	}
	err := serve(ctx, path, out, isTerminal)
	if err != nil {
		complain(out.At(zerolog.ErrorLevel), err.Error())
		return toldError{err}
	}
	return nil
}

// serve runs the daemon until a signal ends it. A second signal then ends the
// process at once.
func serve(ctx context.Context, path string, out *logging.Output, isTerminal bool) error {
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP) // first: one that comes early must not end the process
	defer signal.Stop(reload)
	// A crash ends by SIGABRT. Otherwise it would end with status 2, as a wrong
	// config does, after which the unit does not start the daemon again.
	debug.SetTraceback("crash")
	c, err := loadConfig(path)
	if err != nil {
		return err
	}
	list, keys, err := resolve(c)
	if err != nil {
		return err
	}
	collectGarbage(c)
	passed, err := listen.Inherit()
	if err != nil {
		return err
	}
	log := newLogger(&c.Log, out, isTerminal)
	for _, w := range append(c.Warnings(), c.FileWarnings()...) {
		log.Warn().Msg("config: " + w)
	}
	for _, w := range c.EnvironmentWarnings() {
		log.Warn().Msg("environment: " + w)
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, os.Interrupt)
	defer stop()
	// A second signal ends the process at once, but not one that comes with the first:
	// some supervisors signal a process and then its group.
	context.AfterFunc(ctx, func() { time.AfterFunc(secondSignal, stop) })
	return daemon.Run(ctx, daemon.Options{
		Config:     c,
		ConfigPath: path,
		AccessList: list,
		Keys:       keys,
		Passed:     passed,
		Version:    version.String(),
		Reload:     reload,
		Log:        log,
		LogLost:    out.Lost,
	})
}

// newLogger returns the daemon's logger to out and sets the process's log level,
// which a reload may change.
func newLogger(c *config.Log, out *logging.Output, isTerminal bool) zerolog.Logger {
	zerolog.SetGlobalLevel(c.Level)
	zerolog.TimeFieldFormat = time.RFC3339Nano
	var to io.Writer = out
	if c.Format == config.LogConsole || c.Format == config.LogAuto && isTerminal {
		to = logging.Console(out, isTerminal)
	}
	log := zerolog.New(to).With().Timestamp().Logger()
	out.ReportLost(func(n uint64) {
		log.Warn().Uint64("lines", n).Msg("log lines are lost: they could not be written")
	})
	return log
}
