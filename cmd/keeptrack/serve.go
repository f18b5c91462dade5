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
	"keeptrack/cmd/internal/socket"
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
working directory. SIGHUP has the config read again.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return serve(cmd.Context(), path, os.Stderr)
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

// serve runs the daemon until a signal ends it. A second signal then ends the
// process at once.
func serve(ctx context.Context, path string, logTo *os.File) error {
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP) // first: one that comes early must not end the process
	defer signal.Stop(reload)
	c, err := loadConfig(path)
	if err != nil {
		return err
	}
	list, err := readAccessList(path, c)
	if err != nil {
		return err
	}
	keys, err := readKeys(path, c.LiveSync.KeyFile)
	if err != nil {
		return err
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	passed, err := socket.Inherit()
	if err != nil {
		return err
	}
	log := newLogger(&c.Log, logTo)
	for _, w := range c.Warnings() {
		log.Warn().Msg("config: " + w)
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop)
	return daemon.Run(ctx, daemon.Options{
		Config:     c,
		ConfigPath: path,
		AccessList: list,
		Keys:       keys,
		Passed:     passed,
		Version:    version.String(),
		Reload:     reload,
		Log:        log,
	})
}

// newLogger returns the daemon's logger and sets the process's log level, which
// a reload may change.
func newLogger(c *config.Log, to *os.File) zerolog.Logger {
	zerolog.SetGlobalLevel(c.Level)
	zerolog.TimeFieldFormat = time.RFC3339Nano
	var out io.Writer = to
	if c.Format == config.LogConsole || c.Format == config.LogAuto && isatty.IsTerminal(to.Fd()) {
		out = zerolog.ConsoleWriter{Out: to, TimeFormat: time.DateTime, NoColor: !isatty.IsTerminal(to.Fd())}
	}
	return zerolog.New(out).With().Timestamp().Logger()
}
