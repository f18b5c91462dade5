package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"keeptrack/cmd/internal/client"
	"keeptrack/cmd/internal/printable"
	"keeptrack/cmd/internal/torrent"
	"keeptrack/tracker"
)

// comparison is the command with its flags and what it has found so far.
type comparison struct {
	hashes  string
	pace    float64
	timeout time.Duration
	limit   int
	ca      string
	json    bool

	sums   [2]client.Scraped // over all torrents, of the old tracker and the new one
	found  comparisonCounts
	unlike []unlikeRow // those with the greatest differences, not yet in order
}

// comparisonCounts are numbers of torrents.
type comparisonCounts struct {
	Torrents int `json:"torrents"`
	Equal    int `json:"equal"` // with equal downloaded counts
	Fewer    int `json:"fewer"` // the new tracker has counted fewer
	More     int `json:"more"`
	Missing  int `json:"missing"` // the new tracker leaves them out, or has nothing of what the old one has
}

// unlikeRow is a torrent with what the old and the new tracker say of it.
type unlikeRow struct{ old, new client.Scraped }

// difference is how far the downloaded counts are apart.
func (r *unlikeRow) difference() uint64 {
	return max(r.old.Downloaded, r.new.Downloaded) - min(r.old.Downloaded, r.new.Downloaded)
}

func newCompareCommand() *cobra.Command {
	var c comparison
	cmd := &cobra.Command{
		Use:   "compare OLD NEW",
		Short: "Compare the counts of two trackers, for a migration",
		Long: `Scrape any two trackers and compare their counts of the same torrents: how many have the
same downloaded count, which differ most, and the sums of seeders and leechers.

The torrents are those of --hashes, a file with an info hash at the start of each line,
such as an access list, what keeptrack db export writes or opentracker's state dump; "-"
is standard input. Without it they are all that the old tracker has, if that is an http://
URL and a full scrape is allowed there (http.full_scrape of keeptrack). Both trackers are
asked for up to 74 torrents at the same time, --pace times a second.

Seeders and leechers come and go, so only downloaded counts are compared one by one. The
exit status is 1 if the new tracker lacks a torrent or has counted fewer downloads of one.`,
		Example: "  keeptrack db export keeptrack.db | keeptrack compare --hashes - udp://old.example:6969 udp://new.example:6969",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.run(cmd, args[0], args[1])
		},
	}
	f := cmd.Flags()
	filledVar(f, &c.hashes, "hashes", "the `FILE` with info hashes, or -")
	f.Float64Var(&c.pace, "pace", 10, "ask at most this `NUMBER` of times a second")
	f.DurationVar(&c.timeout, "timeout", clientTimeout, "the `TIME` to wait for an answer, and for more of a full scrape")
	f.IntVar(&c.limit, "limit", 20, "print at most this `NUMBER` of torrents that differ")
	filledVar(f, &c.ca, "ca", caUsage)
	f.BoolVar(&c.json, "json", false, "print a JSON object a line: each torrent that differs, then the summary")
	return cmd
}

func (c *comparison) run(cmd *cobra.Command, old, new string) error {
	for _, url := range []string{old, new} {
		if err := client.CheckURL(url); err != nil {
			return usageError{err}
		}
	}
	if !(c.pace > 0) || c.limit < 0 {
		return usageError{errors.New("--pace must be above 0, and --limit must not be negative")}
	}
	trackers, err := newClient(c.ca)
	if err != nil {
		return err
	}
	ctx, stop := untilSignal(cmd)
	defer stop()
	hashes, err := c.torrents(ctx, cmd.InOrStdin(), trackers, old)
	if err != nil {
		return err
	}
	if err := c.compare(ctx, cmd.ErrOrStderr(), trackers, [2]string{old, new}, hashes); err != nil {
		return err
	}
	if err := c.print(cmd.OutOrStdout()); err != nil {
		return err
	}
	if c.found.Fewer+c.found.Missing > 0 {
		return fmt.Errorf("%s has fewer downloads of %d torrents, and lacks %d", new, c.found.Fewer, c.found.Missing)
	}
	return nil
}

// torrents returns those to compare: of the file, or else all that the old tracker lists.
func (c *comparison) torrents(ctx context.Context, stdin io.Reader, trackers *client.Client, old string) ([]tracker.InfoHash, error) {
	if c.hashes != "" {
		return readHashes(stdin, c.hashes)
	}
	hashes, err := trackers.FullScrape(ctx, old, c.timeout)
	if err != nil {
		return nil, fmt.Errorf("%s does not list its torrents, give --hashes: %w", old, err)
	}
	if len(hashes) == 0 {
		return nil, fmt.Errorf("%s has no torrents", old)
	}
	return hashes, nil
}

// readHashes reads the info hash that each line of a file begins with.
func readHashes(stdin io.Reader, path string) ([]tracker.InfoHash, error) {
	if path == "-" {
		return torrent.List(stdin, path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return torrent.List(f, path)
}

// compare scrapes both trackers, a batch after the other.
func (c *comparison) compare(ctx context.Context, out io.Writer, trackers *client.Client, urls [2]string, hashes []tracker.InfoHash) error {
	shown := newCount(out, "comparing", "torrents", int64(len(hashes)))
	defer shown.end()
	turns := time.NewTicker(max(time.Duration(float64(time.Second)/c.pace), 1))
	defer turns.Stop()
	for batch := range slices.Chunk(hashes, tracker.MaxScrape) {
		rows, err := c.scrapeBoth(ctx, trackers, urls, batch)
		if err != nil {
			return err
		}
		for i := range batch {
			c.take(unlikeRow{rows[0][i], rows[1][i]})
		}
		shown.add(int64(len(batch)))
		if c.found.Torrents == len(hashes) {
			break
		}
		select {
		case <-turns.C:
		case <-ctx.Done():
			return errors.New("interrupted")
		}
	}
	return nil
}

func (c *comparison) scrapeBoth(ctx context.Context, trackers *client.Client, urls [2]string, batch []tracker.InfoHash) (rows [2][]client.Scraped, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	asking, ctx := errgroup.WithContext(ctx)
	for i, url := range urls {
		asking.Go(func() (err error) {
			if rows[i], err = trackers.Scrape(ctx, url, batch); err != nil {
				return fmt.Errorf("%s: %w", url, err)
			}
			return nil
		})
	}
	return rows, asking.Wait()
}

// take counts a torrent.
func (c *comparison) take(r unlikeRow) {
	c.found.Torrents++
	for i, row := range []client.Scraped{r.old, r.new} {
		c.sums[i].Seeders += row.Seeders
		c.sums[i].Leechers += row.Leechers
		c.sums[i].Downloaded += row.Downloaded
	}
	known := !r.old.Missing && r.old.Seeders+r.old.Leechers+r.old.Downloaded > 0
	switch nothing := r.new.Missing || r.new.Seeders+r.new.Leechers+r.new.Downloaded == 0; {
	case known && nothing:
		c.found.Missing++
	case r.new.Downloaded < r.old.Downloaded:
		c.found.Fewer++
	case r.new.Downloaded > r.old.Downloaded:
		c.found.More++
	default:
		c.found.Equal++
		return
	}
	c.unlike = append(c.unlike, r)
	if len(c.unlike) > 2*c.limit+1000 {
		c.rank()
	}
}

// rank leaves the torrents with the greatest differences, those first.
func (c *comparison) rank() {
	slices.SortStableFunc(c.unlike, func(a, b unlikeRow) int { return cmp.Compare(b.difference(), a.difference()) })
	c.unlike = c.unlike[:min(c.limit, len(c.unlike))]
}

// print prints the torrents that differ most and the summary.
func (c *comparison) print(w io.Writer) error {
	c.rank()
	if c.json {
		return c.printJSON(w)
	}
	if len(c.unlike) > 0 {
		t := table{{"HASH", "DOWNLOADED", "NEW", "SEEDERS", "NEW", "LEECHERS", "NEW"}}
		for _, r := range c.unlike {
			cells := []string{r.old.InfoHash.String()}
			for _, n := range []uint64{r.old.Downloaded, r.new.Downloaded, r.old.Seeders, r.new.Seeders, r.old.Leechers, r.new.Leechers} {
				cells = append(cells, fmt.Sprint(n))
			}
			t.add(cells...)
		}
		if err := t.print(w); err != nil {
			return err
		}
	}
	f := &c.found
	_, err := fmt.Fprintf(w, "%d torrents: %d with equal downloads, %d with fewer at the new tracker, %d with more, %d that it lacks\n"+
		"downloads %d and %d, seeders %d and %d, leechers %d and %d\n", f.Torrents, f.Equal, f.Fewer, f.More, f.Missing,
		c.sums[0].Downloaded, c.sums[1].Downloaded, c.sums[0].Seeders, c.sums[1].Seeders, c.sums[0].Leechers, c.sums[1].Leechers)
	return err
}

func (c *comparison) printJSON(w io.Writer) error {
	type counts struct {
		Seeders    uint64 `json:"seeders"`
		Leechers   uint64 `json:"leechers"`
		Downloaded uint64 `json:"downloaded"`
		Missing    bool   `json:"missing,omitempty"`
	}
	of := func(s client.Scraped) counts { return counts{s.Seeders, s.Leechers, s.Downloaded, s.Missing} }
	for _, r := range c.unlike {
		err := printable.JSON(w, struct {
			InfoHash tracker.InfoHash `json:"info_hash"`
			Old      counts           `json:"old"`
			New      counts           `json:"new"`
		}{r.old.InfoHash, of(r.old), of(r.new)})
		if err != nil {
			return err
		}
	}
	return printable.JSON(w, struct {
		comparisonCounts
		Old counts `json:"old"`
		New counts `json:"new"`
	}{c.found, of(c.sums[0]), of(c.sums[1])})
}
