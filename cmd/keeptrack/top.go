package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"keeptrack/cmd/internal/admin"
	"keeptrack/cmd/internal/printable"
	"keeptrack/tracker"
)

// The orders of top beside those of torrents.
const (
	byNetworks = "networks"
	byClients  = "clients"
)

// topOrders are what --by may be.
var topOrders = append(slices.Clone(tracker.OrderNames[:]), byNetworks, byClients)

// top is the command with its flags.
type top struct {
	instances
	by    string
	limit int
}

func newTopCommand() *cobra.Command {
	var c top
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Print the torrents with most peers, or who sends most requests",
		Long: `Print the torrents that have most peers, seeders, leechers or completed downloads, or,
with --by networks or clients, who has sent most requests in the last five to ten minutes.

A network is an IPv4 address or an IPv6 /64, with all of its requests: announces, scrapes
and refused ones, so that a flood shows. A client is a program, by the first bytes of its
peer ids, with its announces. Both are estimates from a sample: a number may be too high
by the number under OVER, and by chance.

Networks are clients' addresses, which daemons show only with a token or over a unix
socket.` + adminHelp,
		Example: "  keeptrack top --by downloaded\n  KEEPTRACK_ADMIN_TOKEN=... keeptrack top --by networks",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.run(cmd)
		},
	}
	c.add(cmd)
	cmd.Flags().StringVar(&c.by, "by", tracker.OrderNames[tracker.ByPeers], "sort by this `ORDER`: "+strings.Join(topOrders, ", "))
	cmd.Flags().IntVar(&c.limit, "limit", 10, "print at most this `NUMBER`")
	completeFlag(cmd, "by", topOrders...)
	return cmd
}

// topReply is what a daemon answers, in any of the orders.
type topReply struct {
	Torrents []admin.Torrent        `json:"torrents,omitempty"`
	Since    time.Time              `json:"since,omitzero"`
	Until    time.Time              `json:"until,omitzero"`
	Total    uint64                 `json:"total,omitempty"`
	Networks []admin.BusiestNetwork `json:"networks,omitempty"`
	Clients  []admin.BusiestClient  `json:"clients,omitempty"`
}

func (c *top) run(cmd *cobra.Command) error {
	if !slices.Contains(topOrders, c.by) {
		return usageError{fmt.Errorf("--by must be one of %s, not %q", strings.Join(topOrders, ", "), c.by)}
	}
	if c.limit < 1 || c.limit > 1000 {
		return usageError{errors.New("--limit must be from 1 to 1000")}
	}
	clients, err := c.clients()
	if err != nil {
		return err
	}
	answers := askAll(cmd.Context(), &c.instances, clients, c.ask)
	for i := range answers {
		if err := c.print(cmd.OutOrStdout(), &answers[i], len(answers) > 1); err != nil {
			return err
		}
	}
	return told(cmd, answers)
}

func (c *top) ask(ctx context.Context, client *admin.Client) (topReply, error) {
	path, query := "top", url.Values{"limit": {strconv.Itoa(c.limit)}}
	if c.by == byNetworks || c.by == byClients {
		path = c.by
	} else {
		query.Set("by", c.by)
	}
	var r topReply
	err := client.Do(ctx, http.MethodGet, path, query, &r)
	return r, err
}

// print prints the answer of a daemon, with its address in front if there are several.
func (c *top) print(w io.Writer, a *answerOf[topReply], named bool) error {
	if c.json {
		line := struct {
			Admin string `json:"admin"`
			By    string `json:"by"`
			topReply
			Error string `json:"error,omitempty"`
		}{Admin: a.client.Base(), By: c.by, topReply: a.reply}
		if a.err != nil {
			line.Error = a.err.Error()
		}
		return printable.JSON(w, line)
	}
	if a.err != nil {
		return nil
	}
	if named {
		if _, err := fmt.Fprintf(w, "%s:\n", a.client.Base()); err != nil {
			return err
		}
	}
	return a.reply.table(c.by).print(w)
}

// table returns the torrents, networks or clients, as by says.
func (r *topReply) table(by string) table {
	switch by {
	case byNetworks:
		t := table{{"NETWORK", "REQUESTS", "OVER", "A SECOND", "SHARE"}}
		for _, n := range r.Networks {
			t.add(append([]string{n.Network}, r.numbers(n.Requests, n.Over)...)...)
		}
		return t
	case byClients:
		t := table{{"PEER ID", "PROGRAM", "ANNOUNCES", "OVER", "A SECOND", "SHARE"}}
		for _, c := range r.Clients {
			t.add(append([]string{idText(c.Prefix), c.Name}, r.numbers(c.Announces, c.Over)...)...)
		}
		return t
	}
	t := table{{"HASH", "SEEDERS", "LEECHERS", "DOWNLOADED", ""}}
	for _, o := range r.Torrents {
		refused := ""
		if o.Refused {
			refused = "refused"
		}
		t.add(o.InfoHash.String(), fmt.Sprint(o.Seeders), fmt.Sprint(o.Leechers), fmt.Sprint(o.Downloaded), refused)
	}
	return t
}

// numbers returns the cells for a count: itself, by how much it may be too high, how many
// a second that are, and its share of all.
func (r *topReply) numbers(n, over uint64) []string {
	seconds := max(r.Until.Sub(r.Since).Seconds(), 1)
	share := 100 * float64(n) / float64(max(r.Total, 1))
	return []string{fmt.Sprint(n), fmt.Sprint(over), fmt.Sprintf("%.1f", float64(n)/seconds), fmt.Sprintf("%.1f %%", share)}
}

// idText shows the bytes of a peer id, which come as characters of the same number, as
// peer ids are written: what is no printable ASCII as \xff.
func idText(prefix string) string {
	var text strings.Builder
	for _, c := range prefix {
		if c < ' ' || c > '~' {
			fmt.Fprintf(&text, `\x%02x`, c)
			continue
		}
		text.WriteRune(c)
	}
	return text.String()
}
