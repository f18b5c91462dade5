package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"keeptrack/cmd/internal/config"
	"keeptrack/cmd/internal/logging"
	"keeptrack/cmd/internal/printable"
	"keeptrack/cmd/internal/version"
)

// Exit statuses.
const (
	statusDone   = 0
	statusFailed = 1
	statusUsage  = 2 // wrong usage or config
)

// usageError is an error in what the operator asked for or configured; it
// gives exit status 2.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

// toldError is an error that the command itself has written to stderr.
type toldError struct{ err error }

func (e toldError) Error() string { return e.err.Error() }
func (e toldError) Unwrap() error { return e.err }

// run is the whole program but for the exit: it returns the exit status. Errors
// go to stderr, each line with the program's name in front.
func run(args []string, stdout, stderr io.Writer) int {
	root := newRootCommand()
	out := &output{to: stdout}
	log.SetOutput(io.Discard) // where net/http says by itself what it thinks of a server
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(stderr)

	// What fails before a command starts is cobra's refusal of the command
	// line: an unknown flag, a missing argument.
	started := false
	prepare(root, func() { started = true })
	cmd, err := root.ExecuteC()
	switch {
	case out.err != nil:
		err = cmp.Or(err, out.err)
	case err == nil:
		return statusDone
	case !started && !errors.As(err, new(usageError)):
		err = usageError{fmt.Errorf("%w, see %s --help", err, cmd.CommandPath())}
	}
	if told := (toldError{}); !errors.As(err, &told) {
		complain(stderr, err.Error())
	}
	if usage := (usageError{}); errors.As(err, &usage) {
		return statusUsage
	}
	return statusFailed
}

// output notes the first error of writing to a command's output: cobra's help
// returns none.
type output struct {
	to  io.Writer
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.to.Write(p)
	o.err = cmp.Or(o.err, err)
	return n, err
}

// newRootCommand returns the command line. Each subcommand is in a file of its
// name.
func newRootCommand() *cobra.Command {
	root := newGroup("keeptrack", "An open BitTorrent tracker that keeps its numbers",
		newServeCommand(),
		newConfigCommand(),
		newStatusCommand(),
		newTopCommand(),
		newTraceCommand(),
		newAccessCommand(),
		newHealthCommand(),
		newBackupCommand(),
		newRestoreCommand(),
		newDBCommand(),
		newAnnounceCommand(),
		newScrapeCommand(),
		newCheckTrackerCommand(),
		newCompareCommand(),
		newBenchCommand(),
		newLiveSyncCommand(),
		newVersionCommand(),
	)
	root.SilenceErrors = true
	root.Version = version.String() // gives it --version
	root.SetVersionTemplate(versionLine())
	root.SilenceUsage = true
	root.SetFlagErrorFunc(wrongFlag)
	root.SetHelpCommand(newHelpCommand())
	root.InitDefaultHelpCmd()
	return root
}

// newGroup returns a command that does nothing but hold others.
func newGroup(name, short string, commands ...*cobra.Command) *cobra.Command {
	group := &cobra.Command{
		Use:   name,
		Short: short,
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{fmt.Errorf("a command is missing, see %s --help", cmd.CommandPath())}
			}
			return unknownCommand(cmd, args[0])
		},
	}
	group.SuggestionsMinimumDistance = 2
	group.AddCommand(commands...)
	return group
}

func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND...]",
		Short: "Describe a command",
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			topic, rest, err := cmd.Root().Find(args)
			if err != nil {
				return usageError{err}
			}
			if len(rest) > 0 {
				return unknownCommand(topic, rest[0])
			}
			return topic.Help()
		},
	}
}

// unknownCommand is the error for a name that is no command of group.
func unknownCommand(group *cobra.Command, name string) error {
	hint := "see " + group.CommandPath() + " --help"
	if near := group.SuggestionsFor(name); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return usageError{fmt.Errorf("unknown command %q for %q, %s", name, group.CommandPath(), hint)}
}

// prepare makes cmd and those below it call started when they start to run,
// and take the arguments that they name unless they say otherwise.
func prepare(cmd *cobra.Command, started func()) {
	if cmd.Args == nil {
		cmd.Args = namedArgs
	}
	inner := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		started()
		return inner(cmd, args)
	}
	for _, c := range cmd.Commands() {
		prepare(c, started)
	}
}

// loadConfig returns the config at path, or the default if path is empty, with the
// environment over it. A config that cannot be used is a usageError.
func loadConfig(path string) (*config.Config, error) {
	c, err := config.Load(path, os.Environ())
	if err != nil {
		return nil, usageError{err}
	}
	return c, nil
}

// complain writes each line of text with the program's name in front.
func complain(w io.Writer, text string) { say(w, zerolog.ErrorLevel, text) }

// warn writes a warning with the program's name in front.
func warn(w io.Writer, text string) { say(w, zerolog.WarnLevel, "warning: "+text) }

// say writes each line of text with the program's name in front, and for the
// journal with its priority. Text may be of others: what is not to be seen in it is
// escaped.
func say(w io.Writer, l zerolog.Level, text string) {
	for line := range strings.Lines(text) {
		fmt.Fprintf(w, "%skeeptrack: %s\n", logging.Prefix(w, l), printable.Text(strings.TrimSuffix(line, "\n")))
	}
}
