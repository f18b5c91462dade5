package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"keeptrack/store"
)

func newRestoreCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "restore IN",
		Short: "Put a copy of the database in place",
		Long: `Verify IN, a copy of the database, and put it in place of the one that the config
names, which without --config is keeptrack.db in the working directory. What was
there is gone afterwards; where nothing was, there is a database then. A copy that is damaged or was written by
a newer version is refused, and so is any while a daemon runs on the database.

What the replaced database counted for live sync counts as ended. Whatever interrupts
it leaves either the old or the new database.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := loadConfig(path)
			if err != nil {
				return err
			}
			shown := newProgress(cmd.ErrOrStderr(), "copying and verifying", 0)
			err = onDatabaseWith(args[0], c.Store.Path, store.Restore)
			shown.end()
			if err != nil {
				return fmt.Errorf("restore: %w", err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: restored from %s\n", absolute(c.Store.Path), args[0])
			return err
		},
	}
	filledVar(cmd.Flags(), &path, "config", "the daemon's config `FILE`")
	return cmd
}
