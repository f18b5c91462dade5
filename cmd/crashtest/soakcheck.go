package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// sample is what a process takes at a moment.
type sample struct{ memory, goroutines, descriptors float64 }

// samples is the number of samples taken of each instance.
const samples = 60

// watch takes the samples.
func (s *soak) watch(ctx context.Context, side *side, until time.Time) error {
	return every(ctx, max(s.lasts/samples, 200*time.Millisecond), until, func() error {
		seen, _, err := side.look(ctx)
		if err != nil {
			return err
		}
		if n := seen[metricFailures]; n > 0 {
			return fmt.Errorf("%g checkpoints have failed", n)
		}
		side.samples = append(side.samples, sample{seen[metricMemory], seen["go_goroutines"], seen["process_open_fds"]})
		return nil
	})
}

// look reads the metrics; lost says which of them tell of packets between the
// instances that should have been used. One's own are not, nor is what is told
// of a torrent that nobody completed and whose time is over, or of one that is
// refused here.
func (s *side) look(ctx context.Context) (seen map[string]float64, lost []string, err error) {
	body, err := s.page(ctx, "/metrics")
	if err != nil {
		return nil, nil, err
	}
	for line := range bytes.Lines(body) {
		l := strings.TrimSpace(string(line))
		if strings.HasSuffix(l, " 0") || strings.Contains(l, `"own_id"`) || strings.Contains(l, `"too_old"`) || strings.Contains(l, `"refused"`) || strings.HasPrefix(l, "#") {
			continue
		}
		for _, name := range []string{"keeptrack_livesync_drops_total", "keeptrack_livesync_untold_total",
			"keeptrack_livesync_send_failures_total", `keeptrack_kernel_receive_drops_total{socket="livesync"}`} {
			if strings.HasPrefix(l, name) {
				lost = append(lost, l)
			}
		}
	}
	return parseMetrics(body), lost, nil
}

// settle waits until the instances have told each other everything, and checks
// what must hold.
func (s *soak) settle(ctx context.Context) error {
	for i := range s.book.accounts {
		a := &s.book.accounts[i]
		a.base.Downloaded += a.acked // what is to be served from now on
	}
	for i, side := range s.sides {
		err := await(ctx, "all peers to be forgotten", 100*time.Millisecond, func() (bool, error) {
			seen, lost, err := side.look(ctx)
			if len(lost) > 0 {
				err = fmt.Errorf("packets were lost: %s", strings.Join(lost, ", "))
			}
			peers, told := seen[`keeptrack_peers{family="ipv4"}`]
			return told && peers == 0, err
		})
		if err == nil {
			err = s.compareServed(ctx, side)
		}
		if err == nil {
			err = side.flat(s.lasts)
		}
		if err != nil {
			return fmt.Errorf("instance %d: %w", i+1, err)
		}
	}
	if err := s.compareFiles(ctx); err != nil {
		return err
	}
	return s.reopen(ctx)
}

// flat compares the middle of the run with its end. Memory takes a while until
// it has found its level, so short runs say nothing of it.
func (s *side) flat(lasted time.Duration) error {
	third := len(s.samples) / 3
	middle, end := s.samples[third:2*third], s.samples[2*third:]
	median := func(of []sample, what func(sample) float64) float64 {
		var all []float64
		for _, s := range of {
			all = append(all, what(s))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	grown := func(name string, what func(sample) float64, share, slack float64) error {
		if third == 0 {
			return nil
		}
		if m, e := median(middle, what), median(end, what); e > m*share+slack {
			return fmt.Errorf("%s have grown from %g to %g", name, m, e)
		}
		return nil
	}
	err := grown("goroutines", func(s sample) float64 { return s.goroutines }, 1, 5)
	if err == nil {
		err = grown("descriptors", func(s sample) float64 { return s.descriptors }, 1, 5)
	}
	if err == nil && lasted >= 5*time.Minute {
		err = grown("bytes resident", func(s sample) float64 { return s.memory }, 1.1, 4<<20)
	}
	return err
}

// print writes what was done, and the samples in sixths of the run.
func (s *soak) print(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	for what, n := range s.done {
		fmt.Fprintf(t, "%s\t%d\t\n", doneNames[what], n)
	}
	fmt.Fprintln(t, "instance\tsample\tMiB resident\tgoroutines\tdescriptors\t")
	for i, side := range s.sides {
		if side == nil {
			continue
		}
		for k := 0; k < len(side.samples); k += max(len(side.samples)/6, 1) {
			m := side.samples[k]
			fmt.Fprintf(t, "%d\t%d\t%.1f\t%g\t%g\t\n", i+1, k+1, m.memory/(1<<20), m.goroutines, m.descriptors)
		}
	}
	t.Flush()
}
