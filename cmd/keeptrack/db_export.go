package main

import (
	"io"

	"github.com/spf13/cobra"

	"keeptrack/store"
)

func newDBExportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "export FILE",
		Short: "Write a database file out as text",
		Long: `Write all torrents of a database file to standard output, one a line, in order of info
hash: hash<TAB>downloaded<TAB>last-announce, the last announce in whole minutes since
1970-01-01 UTC. If live sync counts by origins, their parts are in comment lines before
the line of the torrent. The text is complete: db import reads it.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			out := cmd.OutOrStdout()
			if !isTerminal(out) { // the text would run into it
				shown := newProgress(cmd.ErrOrStderr(), "exporting", 0)
				defer shown.end()
				out = io.MultiWriter(out, shown)
			}
			return onDatabase(args[0], func(path string) error {
				_, err := store.Export(path, out)
				return err
			})
		},
	}
}
