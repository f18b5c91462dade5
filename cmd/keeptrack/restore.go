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
		Long: `Verify IN, a copy of the database, and replace the database of the config with it, or
without --config keeptrack.db in the working directory. The old database is gone
afterwards. The command refuses a copy that is damaged or was written by a newer version,
and refuses to run while a daemon has the database open.

For live sync the origin of the replaced database ends. An interruption leaves either the
old or the new database.`,
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
