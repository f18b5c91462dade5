package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"keeptrack/cmd/internal/admin"
	"keeptrack/cmd/internal/printable"
	"keeptrack/tracker/trace"
)

// tracing is the command with its flags.
type tracing struct {
	instances
	client, hash string
	length       time.Duration

	mu  sync.Mutex // held while something is written
	out io.Writer
}

func newTraceCommand() *cobra.Command {
	var c tracing
	cmd := &cobra.Command{
		Use:   "trace",
		Short: "Print every request of a client or for a torrent, and its result",
		Long: `Print every request of a client, or for a torrent, as it arrives, with its result: stored,
not stored and why, refused, dropped, malformed. It ends after --for, or on SIGINT or
SIGTERM. The exit status is 1 if a daemon refused or ended before its time.

It prints at most 1,000 requests a second, and how many it left out. Daemons show clients
only with a token or over a unix socket. Behind a proxy the client is the one that the
proxy names.` + adminHelp,
		Example: "  keeptrack trace --client 198.51.100.7\n  keeptrack trace --hash 5024e27a65da1e1ea6dc6a51168cb2d710cfc5e6 --for 10m",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.run(cmd)
		},
	}
	c.addWhom(cmd)
	f := cmd.Flags()
	filledVar(f, &c.client, "client", "the client's `ADDRESS`, or a network such as 198.51.100.0/24")
	filledVar(f, &c.hash, "hash", "the torrent's `HASH`")
	f.DurationVar(&c.length, "for", time.Minute, "the `TIME` to trace, up to an hour")
	f.BoolVar(&c.json, "json", false, "print a JSON object a line")
	return cmd
}

func (c *tracing) run(cmd *cobra.Command) error {
	if c.client == "" && c.hash == "" {
		return usageError{errors.New("trace whom? Give --client or --hash")}
	}
	query := url.Values{"for": {c.length.String()}}
	if c.client != "" {
		query.Set("client", c.client)
	}
	if c.hash != "" {
		hashes, err := parseHashes([]string{c.hash})
		if err != nil {
			return err
		}
		query.Set("hash", hashes[0].String())
	}
	clients, err := c.clients()
	if err != nil {
		return err
	}
	signalled, stop := untilSignal(cmd)
	defer stop()
	if isTerminal(cmd.ErrOrStderr()) {
		fmt.Fprintf(cmd.ErrOrStderr(), "tracing for %v, Ctrl-C ends it\n", c.length)
	}
	c.out, c.timeout = cmd.OutOrStdout(), c.length+adminTimeout
	answers := askAll(signalled, &c.instances, clients, func(ctx context.Context, daemon *admin.Client) (struct{}, error) {
		at := ""
		if len(clients) > 1 {
			at = daemon.Base()
		}
		err := c.trace(ctx, daemon, query, at)
		if signalled.Err() != nil {
			return struct{}{}, nil
		}
		if err != nil { // now, while the others go on
			c.mu.Lock()
			defer c.mu.Unlock()
			tell(cmd, err)
		}
		return struct{}{}, err
	})
	return failed(answers)
}

// trace prints what a daemon traces until it ends, which is an error before its time.
func (c *tracing) trace(ctx context.Context, daemon *admin.Client, query url.Values, at string) error {
	began := time.Now()
	err := daemon.Trace(ctx, query, func(line []byte) error { return c.print(at, line) })
	if took := time.Since(began); err == nil && took < c.length-c.length/100 { // clocks differ a little
		err = fmt.Errorf("the trace from %s ended after %v, before its time: has the daemon stopped?", daemon.Base(), took.Round(time.Millisecond))
	}
	return err
}

// traced is a line of a trace: an event, or how many have been left out.
type traced struct {
	Admin string `json:"admin,omitempty"`
	trace.Event
	Omitted uint64 `json:"omitted,omitempty"`
}

// print prints a line that comes from the daemon at an address, which is empty if there is
// but one.
func (c *tracing) print(at string, line []byte) error {
	t := traced{}
	if err := json.Unmarshal(line, &t); err != nil {
		return fmt.Errorf("a line of the trace is not a daemon's: %w", err)
	}
	t.Admin = at
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case t.Omitted > 0 && c.json:
		return printable.JSON(c.out, struct {
			Admin   string `json:"admin,omitempty"`
			Omitted uint64 `json:"omitted"`
		}{at, t.Omitted})
	case c.json:
		return printable.JSON(c.out, &t)
	}
	_, err := fmt.Fprintln(c.out, printable.Text(strings.TrimSpace(at+" "+t.text())))
	return err
}

// text returns the line for a reader.
func (t *traced) text() string {
	if t.Omitted > 0 {
		return fmt.Sprintf("%d more are left out", t.Omitted)
	}
	words := []string{t.Time.Local().Format("15:04:05.000"), t.Transport, t.Action, t.Client}
	for _, h := range t.Hashes {
		words = append(words, h.String())
	}
	if a := t.Announce; a != nil {
		words = append(words, a.Event)
		if a.Left != nil {
			words = append(words, fmt.Sprintf("left %d", *a.Left))
		}
		words = append(words, fmt.Sprintf("port %d", a.Port), idText(a.PeerID))
	}
	outcome := strings.ReplaceAll(string(t.Outcome), "_", " ")
	if t.Reason != "" {
		outcome += ": " + t.Reason
	}
	words = append(words, "->", outcome)
	if a := t.Announce; a != nil && a.Interval > 0 {
		words = append(words, fmt.Sprintf("(%d seeders, %d leechers, %d peers, again in %v)",
			a.Seeders, a.Leechers, a.Peers, time.Duration(a.Interval)*time.Second))
	}
	return strings.Join(words, " ")
}
