package main

import (
	"fmt"
	"io"
	"os"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"keeptrack/cmd/internal/printable"
	"keeptrack/store"
)

func newDBImportCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "import FILE [TEXT]",
		Short: "Read text into a database file",
		Long: `Read torrents from the file TEXT, or from standard input, into a database file, which
is made if it does not exist. A line is one of db export or one of an opentracker
state dump, HASH:base:downloaded. Of each torrent the greater count and the later
last announce stay, so that reading the same text again changes nothing.

A line that makes no sense is named with its number on standard error and passed
over; the exit status is then 1.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var res store.Imported
			var err error
			if len(args) == 2 {
				err = onDatabaseWith(args[1], args[0], func(text *os.File, path string) (err error) {
					res, err = importFile(cmd, path, text, args[1])
					return err
				})
			} else {
				err = onDatabase(args[0], func(path string) (err error) {
					res, err = importText(cmd, path, cmd.InOrStdin(), "standard input", 0)
					return err
				})
			}
			if err != nil {
				return err
			}
			return printImported(cmd.OutOrStdout(), args[0], res, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

// importFile reads the text in a file that errors call name, and closes it.
func importFile(cmd *cobra.Command, path string, text *os.File, name string) (store.Imported, error) {
	defer text.Close() // nothing was written to it
	var size int64
	if info, err := text.Stat(); err == nil {
		size = info.Size()
	}
	return importText(cmd, path, text, name, size)
}

// importText reads the text called name, of so many bytes if that is known.
func importText(cmd *cobra.Command, path string, text io.Reader, name string, size int64) (store.Imported, error) {
	shown := newProgress(cmd.ErrOrStderr(), "importing", size)
	defer shown.end()
	return store.Import(path, io.TeeReader(text, shown), zerolog.Nop(), func(line int, err error) {
		shown.end() // it comes back with the text that follows
		complain(cmd.ErrOrStderr(), fmt.Sprintf("%s:%d: %v", name, line, err))
	})
}

func printImported(w io.Writer, path string, res store.Imported, asJSON bool) error {
	var err error
	if asJSON {
		err = printable.JSON(w, struct {
			File    string `json:"file"`
			Lines   int    `json:"lines"`
			Changed int    `json:"changed"`
			Refused int    `json:"refused"`
		}{path, res.Lines, res.Changed, res.Refused})
	} else {
		_, err = fmt.Fprintf(w, "%s: lines %d, torrents new or changed %d, lines refused %d\n", path, res.Lines, res.Changed, res.Refused)
	}
	if err != nil {
		return err
	}
	if res.Refused > 0 {
		return fmt.Errorf("lines refused: %d", res.Refused)
	}
	return nil
}
