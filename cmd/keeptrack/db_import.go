package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"keeptrack/cmd/internal/printable"
	"keeptrack/cmd/internal/statedump"
	"keeptrack/store"
)

// fetchTimeout is how long fetching a state dump may take. opentracker packs all
// of it before it sends the first byte.
const fetchTimeout = 15 * time.Minute

// maxComplaints is how many lines that make no sense are named.
const maxComplaints = 1000

var errNoLines = errors.New("it has no lines: nothing was imported")

func newDBImportCommand() *cobra.Command {
	var asJSON bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "import FILE [TEXT]",
		Short: "Read text or another tracker's state dump into a database file",
		Long: `Read torrents from TEXT, or from standard input, into a database file, which is made if
it does not exist. TEXT is a file, or the URL of another tracker's state dump,
http://HOST:PORT/stats?mode=statedump. A file may also hold such a tracker's reply as it
was received, with its head and compressed.

Each line is one of db export or one of an opentracker state dump, HASH:base:downloaded.
Of a torrent the greater count and the later last announce are kept, so importing the
same text again changes nothing. With the comment lines of db export, counts are merged
part by part.

A malformed line is skipped, and its number and what is wrong go to standard error; the
exit status is then 1. It is also 1 if there are no lines.`,
		Example: "  keeptrack db import /var/lib/keeptrack/keeptrack.db 'http://127.0.0.1:6969/stats?mode=statedump'",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeoutCause(cmd.Context(), timeout, fmt.Errorf("it took longer than %s", timeout))
			defer cancel()
			var res store.Imported
			var from string
			err := withImport(ctx, cmd.InOrStdin(), args, func(path string, in importSource) (err error) {
				from = in.name
				res, err = importText(cmd, path, in)
				return err
			})
			if err != nil {
				return err
			}
			return printImported(cmd.OutOrStdout(), args[0], res, from, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	cmd.Flags().DurationVar(&timeout, "timeout", fetchTimeout, "the `TIME` after which to give up fetching")
	return cmd
}

// importSource is what is imported.
type importSource struct {
	io.Reader
	name string
	size int64 // in bytes, 0 if unknown
}

// withImport opens what args name after the database, and runs fn on the
// database with it.
func withImport(ctx context.Context, stdin io.Reader, args []string, fn func(path string, in importSource) error) error {
	switch {
	case len(args) == 1:
		return onDatabase(args[0], func(path string) error { return fn(path, importSource{stdin, "standard input", 0}) })
	case statedump.IsURL(args[1]):
		return withDump(ctx, args[1], args[0], fn)
	}
	return onDatabaseWith(args[1], args[0], func(f *os.File, path string) error {
		defer f.Close() // nothing was written to it
		in := importSource{f, args[1], 0}
		if info, err := f.Stat(); err == nil {
			in.size = info.Size()
		}
		return fn(path, in)
	})
}

// withDump asks for a state dump, and runs fn on the database with the reply.
func withDump(ctx context.Context, url, path string, fn func(path string, in importSource) error) error {
	u, err := statedump.ParseURL(url)
	if err != nil {
		return usageError{err}
	}
	reply, err := statedump.Get(ctx, u)
	if err != nil {
		return err
	}
	defer reply.Close() // what matters has been read
	return onDatabase(path, func(path string) error { return fn(path, importSource{reply, u.Redacted(), 0}) })
}

// importText reads the text in what was opened.
func importText(cmd *cobra.Command, path string, in importSource) (store.Imported, error) {
	shown := newProgress(cmd.ErrOrStderr(), "importing", in.size)
	defer shown.end()
	text, err := statedump.Text(io.TeeReader(in, shown))
	if err != nil {
		return store.Imported{}, fmt.Errorf("%s: %w", in.name, err)
	}
	complaints := 0
	return store.Import(path, text, zerolog.Nop(), func(line int, err error) {
		if complaints++; complaints > maxComplaints {
			return
		}
		shown.end() // it comes back with the text that follows
		complain(cmd.ErrOrStderr(), fmt.Sprintf("%s:%d: %v", in.name, line, err))
		if complaints == maxComplaints {
			complain(cmd.ErrOrStderr(), "further refused lines are only counted")
		}
	})
}

func printImported(w io.Writer, path string, res store.Imported, from string, asJSON bool) error {
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
	switch {
	case err != nil:
		return err
	case res.Refused > 0:
		return fmt.Errorf("lines refused: %d", res.Refused)
	case res.Lines == 0:
		return fmt.Errorf("%s: %w", from, errNoLines)
	}
	return nil
}
