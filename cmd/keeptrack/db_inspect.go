package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"keeptrack/cmd/internal/printable"
	"keeptrack/store"
	"keeptrack/tracker/override"
)

func newDBInspectCommand() *cobra.Command {
	var asJSON bool
	var top int
	cmd := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Print what is in a database file",
		Long: `Print what is in a database file: schema, sizes, number of origins, parts, torrents and
downloads, the times of the oldest and the newest last announce, the torrents with the most
downloads, and whether there is a snapshot of the peers beside it. The file is not changed.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if top < 0 {
				return usageError{errors.New("--top must not be negative")}
			}
			shown := newProgress(cmd.ErrOrStderr(), "reading", 0)
			var info *store.Info
			var peers *inspectedPeers
			err := onDatabase(args[0], func(path string) (err error) {
				info, err = store.Inspect(path, top)
				peers = inspectPeers(path)
				return err
			})
			shown.end()
			if err != nil {
				return err
			}
			if info.Damage != nil {
				warn(cmd.ErrOrStderr(), fmt.Sprintf("%v; what follows may be as of the checkpoint before the last", info.Damage))
			}
			if asJSON {
				return printInspectedJSON(cmd.OutOrStdout(), args[0], info, peers)
			}
			return printInspected(cmd.OutOrStdout(), args[0], info, peers)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	cmd.Flags().IntVar(&top, "top", 10, "the `NUMBER` of torrents with the most downloads to list")
	return cmd
}

func printInspected(w io.Writer, path string, i *store.Info, peers *inspectedPeers) error {
	text := fmt.Appendf(nil, "database %s\nschema version %d\ncreated %s\nsize %d\npages %d of %d bytes, %d free\njournal entries %d\nlabel %s\naccess overrides %d, dropped %d\norigins %d, folded %d, parts %d\n%v\ntorrents %d\ndownloads %d\n",
		absolute(path), i.Version, timeText(i.Created), i.Size, i.Pages, i.PageSize, i.FreePages, i.JournalEntries, i.Label, i.Overrides, i.DroppedOverrides, i.Origins, i.Folded, i.Parts, peers, i.Torrents, i.Downloads)
	if i.Torrents > 0 {
		text = fmt.Appendf(text, "oldest last announce %s\nnewest last announce %s\n", minuteText(i.Oldest), minuteText(i.Newest))
	}
	for _, r := range i.Top {
		text = fmt.Appendf(text, "%s downloaded %d last announce %s\n", r.InfoHash, r.Downloaded, minuteText(r.LastAnnounce))
	}
	_, err := w.Write(text)
	return err
}

func printInspectedJSON(w io.Writer, path string, i *store.Info, peers *inspectedPeers) error {
	type torrent struct {
		InfoHash     string `json:"info_hash"`
		Downloaded   uint64 `json:"downloaded"`
		LastAnnounce string `json:"last_announce"`
	}
	out := struct {
		File           string          `json:"file"`
		Version        int             `json:"schema_version"`
		Created        time.Time       `json:"created"`
		Size           int64           `json:"size_bytes"`
		PageSize       int             `json:"page_size"`
		Pages          int             `json:"pages"`
		FreePages      int             `json:"free_pages"`
		JournalEntries int             `json:"journal_entries"`
		Label          override.Label  `json:"label"`
		Overrides      int             `json:"access_overrides"`
		Dropped        int             `json:"access_overrides_dropped"`
		Origins        int             `json:"origins"`
		Folded         int             `json:"origins_folded"`
		Parts          int             `json:"parts"`
		Peers          *inspectedPeers `json:"snapshot_of_peers"`
		Torrents       int             `json:"torrents"`
		Downloads      uint64          `json:"downloads"`
		Oldest         string          `json:"oldest_last_announce,omitempty"`
		Newest         string          `json:"newest_last_announce,omitempty"`
		Top            []torrent       `json:"top"`
	}{absolute(path), i.Version, i.Created, i.Size, i.PageSize, i.Pages, i.FreePages, i.JournalEntries, i.Label, i.Overrides, i.DroppedOverrides, i.Origins, i.Folded, i.Parts, peers, i.Torrents, i.Downloads, "", "", []torrent{}}
	if i.Torrents > 0 {
		out.Oldest, out.Newest = minuteText(i.Oldest), minuteText(i.Newest)
	}
	for _, r := range i.Top {
		out.Top = append(out.Top, torrent{r.InfoHash.String(), r.Downloaded, minuteText(r.LastAnnounce)})
	}
	return printable.JSON(w, out)
}

// minuteText returns a unix minute as RFC 3339 has it.
func minuteText(minute uint32) string {
	return timeText(time.Unix(60*int64(minute), 0))
}

// timeText returns a time as RFC 3339 has it, in UTC.
func timeText(t time.Time) string { return t.UTC().Format(time.RFC3339) }
