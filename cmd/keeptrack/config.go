package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"keeptrack/cmd/internal/config"
	"keeptrack/cmd/internal/daemon"
	"keeptrack/cmd/internal/privilege"
	syncwire "keeptrack/livesync/wire"
	"keeptrack/tracker"
)

func newConfigCommand() *cobra.Command {
	return newGroup("config", "Check a config file, print an example",
		newCheckCommand(),
		&cobra.Command{
			Use:   "example",
			Short: "Print every key with its default and what it does",
			RunE: func(cmd *cobra.Command, _ []string) error {
				_, err := cmd.OutOrStdout().Write(config.Example())
				return err
			},
		},
	)
}

func newCheckCommand() *cobra.Command {
	var quiet bool
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Validate a config file and print what it amounts to, secrets hidden",
		Long: `Validate a config file and print what it amounts to, secrets hidden. The
access list, the key file and the files with secrets that it names are read as
well. Warnings tell of secrets that other users can read, and of folders that are
missing or that the daemon could not write to.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := checkConfig(cmd.ErrOrStderr(), args[0])
			if err != nil || quiet {
				return err
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), c.WithRemarks(map[string]string{
				"tracker.max_memory": daemon.MemoryBudget(c.Tracker.MaxMemory).Remark,
			}))
			return err
		},
	}
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print errors and warnings only")
	return cmd
}

// checkConfig returns the config at path if a daemon would take it. What it
// would warn of goes to w.
func checkConfig(w io.Writer, path string) (*config.Config, error) {
	c, err := config.Load(path) // which knows no empty path, unlike loadConfig
	if err != nil {
		return nil, usageError{err}
	}
	if _, _, err := resolve(path, c); err != nil {
		return nil, err
	}
	for _, text := range slices.Concat(c.Warnings(), c.FileWarnings(path), folderWarnings(c)) {
		warn(w, fmt.Sprintf("%s: %s", path, text))
	}
	return c, nil
}

// resolve looks at what the config at path names: it reads the files with secrets,
// which go into the config, access list and keys, and looks up process.user. What is
// wrong with any of them is a usageError.
func resolve(path string, c *config.Config) (list *tracker.HashSet, keys *syncwire.Keys, err error) {
	errs := []error{c.ReadSecrets(path)}
	if list, err = daemon.ReadAccessList(&c.Access, func() {}); err != nil {
		errs = append(errs, fmt.Errorf("%s: %w", path, err))
	}
	if keys, err = daemon.ReadKeys(c.LiveSync.KeyFile); err != nil {
		errs = append(errs, fmt.Errorf("%s: %w", path, err))
	}
	if _, err := daemon.NATSOptions(&c.LiveSync); err != nil {
		errs = append(errs, fmt.Errorf("%s: %w", path, err))
	}
	if name := c.Process.User; name != "" {
		if err := privilege.Check(name); err != nil {
			errs = append(errs, fmt.Errorf("%s: process.user: %w", path, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, nil, usageError{err}
	}
	return list, keys, nil
}
