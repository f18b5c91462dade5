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
		Long: `Write a database file anew without its free pages, verify that and put it in place of
the file. Needs room for a second file beside the first. The daemon uses free
pages again; this is for a database that was much larger once, or for a copy.

Whatever interrupts it leaves either the old or the new file.`,
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
