package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

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
		Use:   "check [FILE]",
		Short: "Validate a config file and print every value, secrets hidden",
		Long: `Validate a config file together with the environment, and print every value, where it
comes from, and secrets as (hidden). Without FILE it validates the environment and the
defaults. It also reads the files that the config names: access list, key file, secrets.
It warns of secrets that other users can read, of folders that are missing or not
writable, and of variables that are not keys.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && args[0] == "" {
				return usageError{errors.New("FILE is empty")}
			}
			c, err := checkConfig(cmd.ErrOrStderr(), strings.Join(args, ""))
			if err != nil || quiet {
				return err
			}
			remarks := c.Origins()
			if remark := daemon.MemoryBudget(c.Tracker.MaxMemory).Remark; remark != "" {
				remarks["tracker.max_memory"] += ": " + remark
			}
			if remark := daemon.SecretRemark(c); remark != "" {
				remarks["udp.connection_secret"] += ": " + remark
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), c.WithRemarks(remarks))
			return err
		},
	}
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print errors and warnings only")
	return cmd
}

// checkConfig returns the config at path if a daemon would take it. What it
// would warn of goes to w.
func checkConfig(w io.Writer, path string) (*config.Config, error) {
	c, err := loadConfig(path)
	if err != nil {
		return nil, err
	}
	if _, _, err := resolve(c); err != nil {
		return nil, err
	}
	for _, text := range slices.Concat(c.Warnings(), c.FileWarnings(), certificateWarnings(c), folderWarnings(c)) {
		warn(w, c.Blame(text))
	}
	for _, text := range c.EnvironmentWarnings() {
		warn(w, text)
	}
	return c, nil
}

// certificateWarnings returns a line if the certificate for HTTPS is about to end.
func certificateWarnings(c *config.Config) []string {
	pair, err := daemon.ReadCertificate(&c.HTTPS)
	if err != nil || pair == nil || pair.Warning() == "" { // resolve has told of an error
		return nil
	}
	return []string{fmt.Sprintf("https.certificate: %s %s", c.HTTPS.Certificate, pair.Warning())}
}

// resolve looks at what the config names: it reads the files with secrets,
// which go into the config, access list and keys, and looks up process.user. What is
// wrong with any of them is a usageError.
func resolve(c *config.Config) (list *tracker.HashSet, keys *syncwire.Keys, err error) {
	errs := []error{c.ReadSecrets()}
	blame := func(err error) {
		if err != nil {
			errs = append(errs, errors.New(c.Blame(err.Error())))
		}
	}
	list, err = daemon.ReadAccessList(&c.Access, func() {})
	blame(err)
	keys, err = daemon.ReadKeys(c.LiveSync.KeyFile)
	blame(err)
	_, err = daemon.ReadCertificate(&c.HTTPS)
	blame(err)
	_, err = daemon.NATSOptions(&c.LiveSync)
	blame(err)
	if name := c.Process.User; name != "" {
		if err := privilege.Check(name); err != nil {
			blame(fmt.Errorf("process.user: %w", err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, nil, usageError{err}
	}
	return list, keys, nil
}
