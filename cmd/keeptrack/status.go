package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"keeptrack/cmd/internal/admin"
	"keeptrack/cmd/internal/printable"
)

func newStatusCommand() *cobra.Command {
	var to instances
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the state of daemons: ready or not, counts, memory, clock, cluster",
		Long: `Show the state of daemons, one column each: ready or why not, torrents and peers, memory
and how many more torrents fit, the last checkpoint, the difference of its clock from this
host's, and whether the instances of the cluster are in step.` + adminHelp,
		Example: "  keeptrack status\n  keeptrack status --admin http://10.0.0.1:6970 --admin http://10.0.0.2:6970",
		RunE: func(cmd *cobra.Command, _ []string) error {
			clients, err := to.clients()
			if err != nil {
				return err
			}
			answers := askAll(cmd.Context(), &to, clients, askStatus)
			if to.json {
				err = printStatusJSON(cmd.OutOrStdout(), answers)
			} else {
				err = printStatus(cmd.OutOrStdout(), answers)
			}
			if err != nil {
				return err
			}
			return told(cmd, answers)
		},
	}
	to.add(cmd)
	return cmd
}

// daemonStatus is what status tells of one daemon.
type daemonStatus struct {
	readiness
	daemonFigures
}

// readiness is the reply to GET /readyz, which needs neither a token nor a loaded database.
type readiness struct {
	Ready bool `json:"ready"`
	// State says why the daemon is not ready, or what does not work. It is empty if the
	// daemon has not answered.
	State string `json:"state"`
}

// daemonFigures are what a daemon that is loaded tells with the right token.
type daemonFigures struct {
	Stats admin.Stats `json:"stats"`
	// Clock is how far the daemon's clock is ahead of this host's, in seconds, give or
	// take half of the time that the answer took.
	Clock float64 `json:"clock_ahead_seconds"`
	// Cluster is the reply to GET /api/v1/cluster.
	Cluster json.RawMessage `json:"cluster"`

	cluster clusterState // the part of it that the table shows
}

// clusterState is the part of /api/v1/cluster that the table shows.
type clusterState struct {
	// Enabled is nil, for true, or false.
	Enabled   *bool
	Instances []struct{}
	Overrides *struct {
		Unlike int `json:"unlike_instances"`
	}
	Counting *struct {
		Members []struct {
			Here   bool
			InStep bool `json:"in_step"`
		}
	}
}

func askStatus(ctx context.Context, c *admin.Client) (s daemonStatus, err error) {
	if s.State, s.Ready, err = c.Ready(ctx); err != nil {
		return s, err
	}
	sent := time.Now()
	if err := c.Do(ctx, http.MethodGet, "stats", nil, &s.Stats); err != nil {
		return s, err
	}
	s.Clock = s.Stats.Time.Sub(sent.Add(time.Since(sent) / 2)).Seconds()
	if err := c.Do(ctx, http.MethodGet, "cluster", nil, &s.Cluster); err != nil {
		return s, err
	}
	return s, json.Unmarshal(s.Cluster, &s.cluster)
}

// printStatusJSON prints an object a line. After an error it has that in place of the
// figures, and readiness only if the daemon has told of that.
func printStatusJSON(w io.Writer, answers []answerOf[daemonStatus]) error {
	for _, a := range answers {
		line := struct {
			Admin string `json:"admin"`
			*readiness
			*daemonFigures
			Error string `json:"error,omitempty"`
		}{Admin: a.client.Base()}
		if a.err == nil || a.reply.State != "" {
			line.readiness = &a.reply.readiness
		}
		if a.err == nil {
			line.daemonFigures = &a.reply.daemonFigures
		} else {
			line.Error = a.err.Error()
		}
		if err := printable.JSON(w, line); err != nil {
			return err
		}
	}
	return nil
}

// statusRows are the rows of the table, each with the cell for one daemon.
var statusRows = []struct {
	name string
	cell func(s *daemonStatus) string
}{
	{"state", func(s *daemonStatus) string { return s.State }},
	{"version", func(s *daemonStatus) string { return s.Stats.Version }},
	{"up", func(s *daemonStatus) string { return age(time.Duration(s.Stats.Uptime * float64(time.Second))) }},
	{"torrents", func(s *daemonStatus) string { return fmt.Sprint(s.Stats.Torrents) }},
	{"peers", func(s *daemonStatus) string { return families(s.Stats.Peers) }},
	{"seeders", func(s *daemonStatus) string { return families(s.Stats.Seeders) }},
	{"completed", func(s *daemonStatus) string { return fmt.Sprintf("%d since the start", s.Stats.Completed) }},
	{"turned away", func(s *daemonStatus) string { return fmt.Sprintf("%d new torrents", s.Stats.Rejected) }},
	{"memory", memoryCell},
	{"checkpoint", checkpointCell},
	{"clock", clockCell},
	{"cluster", clusterCell},
}

// printStatus prints the table, and what the kernel says of this host's clock.
func printStatus(w io.Writer, answers []answerOf[daemonStatus]) error {
	if err := statusTable(answers).print(w); err != nil {
		return err
	}
	synchronized, known := clockSynchronized()
	if !known || synchronized {
		return nil
	}
	_, err := fmt.Fprintln(w, "This host's clock is not synchronized, by what its kernel says.")
	return err
}

// statusTable returns a row for each fact and a column for each daemon.
func statusTable(answers []answerOf[daemonStatus]) table {
	var t table
	head := []string{""}
	for _, a := range answers {
		head = append(head, a.client.Base())
	}
	t.add(head...)
	for _, r := range statusRows {
		row := []string{r.name}
		for i := range answers {
			switch a := &answers[i]; {
			case a.err == nil:
				row = append(row, r.cell(&a.reply))
			case r.name == "state":
				row = append(row, cmp.Or(a.reply.State, "no answer"))
			default:
				row = append(row, "")
			}
		}
		t.add(row...)
	}
	return t
}

func families(n admin.ByFamily) string {
	return fmt.Sprintf("%d (%d IPv4, %d IPv6)", n.IPv4+n.IPv6, n.IPv4, n.IPv6)
}

// fewTorrents is from how many torrents on their average says how many more fit.
const fewTorrents = 1000

func memoryCell(s *daemonStatus) string {
	m := s.Stats.Memory
	text := size(m.Bytes)
	if m.Limit > 0 {
		text += " of " + size(m.Limit)
	}
	if s.Stats.Torrents < fewTorrents {
		return text
	}
	each := max(m.Bytes/int64(s.Stats.Torrents), 1)
	text += fmt.Sprintf(", %d B a torrent with its peers", each)
	if room := (m.Limit - m.Bytes) / each; m.Limit > 0 {
		text += fmt.Sprintf(": room for %d more", max(room, 0))
	}
	return text
}

func checkpointCell(s *daemonStatus) string {
	c := s.Stats.Checkpoint
	if c.Error != "" {
		return "fails: " + c.Error
	}
	return fmt.Sprintf("%s ago", age(s.Stats.Time.Sub(c.Last)))
}

// clockTolerance is how far clocks may be apart before anything depends on it.
const clockTolerance = 2.0 // seconds

func clockCell(s *daemonStatus) string {
	if s.Clock < clockTolerance && s.Clock > -clockTolerance {
		return fmt.Sprintf("as here, give or take %.0f s", clockTolerance)
	}
	return fmt.Sprintf("%+.1f s from this host's", s.Clock)
}

func clusterCell(s *daemonStatus) string {
	c := &s.cluster
	if c.Enabled != nil && !*c.Enabled {
		return "alone"
	}
	text := fmt.Sprintf("%d others heard", len(c.Instances))
	if c.Counting != nil {
		here, inStep := 0, 0
		for _, m := range c.Counting.Members {
			if m.Here {
				here++
			}
			if m.InStep {
				inStep++
			}
		}
		away := len(c.Counting.Members) - here
		text = fmt.Sprintf("%d others here, %d in step, %d away", here, inStep, away)
	}
	if c.Overrides != nil && c.Overrides.Unlike > 0 {
		text += fmt.Sprintf(", %d with other overrides", c.Overrides.Unlike)
	}
	return text
}
