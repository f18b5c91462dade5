package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"keeptrack/store"
)

func newDBCompactCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "compact FILE",
		Short: "Make a database file as small as its contents",
		Long: `Write a copy of a database file without its free pages, verify it, and replace the file
with it. This needs room for a second file beside the first. The daemon reuses free
pages, so compact only a copy, or a database that was once much larger.

An interruption leaves either the old or the new file.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			shown := newProgress(cmd.ErrOrStderr(), "compacting and verifying", 0)
			var before, after int64
			err := onDatabase(args[0], func(path string) (err error) {
				before, after, err = store.Compact(path)
				return err
			})
			shown.end()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %d bytes, had %d\n", args[0], after, before)
			return err
		},
	}
}
