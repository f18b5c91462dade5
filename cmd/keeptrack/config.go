package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"keeptrack/cmd/internal/config"
	"keeptrack/cmd/internal/daemon"
	syncwire "keeptrack/livesync/wire"
	"keeptrack/tracker"
)

func newConfigCommand() *cobra.Command {
	return newGroup("config", "Check a config file, print an example",
		&cobra.Command{
			Use:   "check FILE",
			Short: "Validate a config file and print what it amounts to, secrets hidden",
			RunE:  checkConfig,
		},
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

func checkConfig(cmd *cobra.Command, args []string) error {
	c, err := config.Load(args[0])
	if err != nil {
		return usageError{err}
	}
	if _, err := readAccessList(args[0], c); err != nil {
		return err
	}
	if _, err := readKeys(args[0], c.LiveSync.KeyFile); err != nil {
		return err
	}
	for _, w := range c.Warnings() {
		warn(cmd.ErrOrStderr(), fmt.Sprintf("%s: %s", args[0], w))
	}
	_, err = fmt.Fprint(cmd.OutOrStdout(), c)
	return err
}

// readAccessList reads the access list of the config at path. One that cannot
// be used is a usageError.
func readAccessList(path string, c *config.Config) (*tracker.HashSet, error) {
	list, err := daemon.ReadAccessList(&c.Access, func() {})
	if err != nil {
		return nil, usageError{fmt.Errorf("%s: %w", path, err)}
	}
	return list, nil
}

// readKeys reads the key file of the config at path. One that cannot be used
// is a usageError.
func readKeys(path, file string) (*syncwire.Keys, error) {
	keys, err := daemon.ReadKeys(file)
	if err != nil {
		return nil, usageError{fmt.Errorf("%s: %w", path, err)}
	}
	return keys, nil
}
