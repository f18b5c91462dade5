package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"keeptrack/cmd/internal/client"
	"keeptrack/cmd/internal/printable"
)

func newScrapeCommand() *cobra.Command {
	var timeout time.Duration
	var asJSON bool
	var ca string
	cmd := &cobra.Command{
		Use:   "scrape URL HASH...",
		Short: "Ask a tracker for the counts of torrents and print them",
		Long: `Ask any tracker for the counts of torrents, and print a line for each.

The URL is the one to announce to or, over HTTP, the one to scrape.
` + hashHelp + `.
A torrent that the tracker leaves out of its answer over HTTP is printed as missing.
keeptrack leaves none out: a torrent that it does not know or refuses has zeros.`,
		Example: "  keeptrack scrape udp://127.0.0.1:6969 5024e27a65da1e1ea6dc6a51168cb2d710cfc5e6",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			c, err := newClient(ca)
			if err != nil {
				return err
			}
			rows, err := scrape(ctx, c, args[0], args[1:])
			if err != nil {
				return err
			}
			if asJSON {
				return printScrapedJSON(cmd.OutOrStdout(), rows)
			}
			return printScraped(cmd.OutOrStdout(), rows)
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", clientTimeout, "the `TIME` after which to give up")
	filledVar(cmd.Flags(), &ca, "ca", caUsage)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object a line")
	return cmd
}

func scrape(ctx context.Context, c *client.Client, url string, hashes []string) ([]client.Scraped, error) {
	parsed, err := parseHashes(hashes)
	if err != nil {
		return nil, err
	}
	if err := client.CheckURL(url); err != nil {
		return nil, usageError{err}
	}
	return c.Scrape(ctx, url, parsed)
}

func printScraped(w io.Writer, rows []client.Scraped) error {
	var text []byte
	for _, r := range rows {
		if r.Missing {
			text = fmt.Appendf(text, "%s missing\n", r.InfoHash)
			continue
		}
		text = fmt.Appendf(text, "%s seeders %d leechers %d downloaded %d\n", r.InfoHash, r.Seeders, r.Leechers, r.Downloaded)
	}
	_, err := w.Write(text)
	return err
}

func printScrapedJSON(w io.Writer, rows []client.Scraped) error {
	for _, r := range rows {
		err := printable.JSON(w, struct {
			InfoHash   string `json:"info_hash"`
			Missing    bool   `json:"missing,omitempty"`
			Seeders    uint64 `json:"seeders"`
			Leechers   uint64 `json:"leechers"`
			Downloaded uint64 `json:"downloaded"`
		}{r.InfoHash.String(), r.Missing, r.Seeders, r.Leechers, r.Downloaded})
		if err != nil {
			return err
		}
	}
	return nil
}
