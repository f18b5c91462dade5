package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

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
			text, size := cmd.InOrStdin(), int64(0)
			name := "standard input"
			if len(args) == 2 {
				name = args[1]
				f, err := os.Open(name)
				if err != nil {
					return err
				}
				defer f.Close()
				if info, err := f.Stat(); err == nil {
					size = info.Size()
				}
				text = f
			}
			res, err := importText(cmd, args[0], text, name, size)
			if err != nil {
				return err
			}
			return printImported(cmd.OutOrStdout(), args[0], res, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
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
		err = json.NewEncoder(w).Encode(struct {
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
