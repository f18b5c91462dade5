package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// report is what a run has come to so far.
type report struct {
	began       time.Time
	opened      int // databases opened by a daemon that became ready
	verified    int // databases verified without a finding
	checkpoints uint64
	acked, lost uint64 // announces
	memory      int64  // the most that a daemon had resident, in bytes
	rows        map[string]*row
}

// row is what the kills of one phase have come to.
type row struct {
	kills, inside int
	loaded        int // kills while announces went on, which the rest is about
	lossless      int // kills that lost nothing
	low, high     time.Duration
}

// add counts a kill.
func (r *report) add(phase string, out outcome, l loss) {
	if r.rows == nil {
		r.rows = map[string]*row{}
	}
	w := r.rows[phase]
	if w == nil {
		w = &row{}
		r.rows[phase] = w
	}
	r.acked += l.acked
	r.lost += l.lost
	w.kills++
	if out.inside {
		w.inside++
	}
	if !out.loaded {
		return
	}
	if w.loaded == 0 || l.lag < w.low {
		w.low = l.lag
	}
	w.high = max(w.high, l.lag)
	w.loaded++
	if l.lost == 0 {
		w.lossless++
	}
}

// hit reports whether a kill has hit a phase.
func (r *report) hit(p phase) bool { return r.rows[p.name] != nil && r.rows[p.name].inside > 0 }

// missed returns the phases of the run that no kill has hit.
func (r *report) missed() (missed []phase) {
	for _, p := range phases {
		if r.rows[p.name] != nil && !r.hit(p) {
			missed = append(missed, p)
		}
	}
	return missed
}

// print writes the table. The lag of a kill is the age of the oldest
// acknowledged announce that the file has not.
func (r *report) print(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "phase\tkills\tinside\tlost nothing\tlowest lag\thighest lag\t")
	var kills, inside int
	for _, p := range phases {
		k := r.rows[p.name]
		if k == nil {
			k = &row{}
		}
		kills, inside = kills+k.kills, inside+k.inside
		if k.loaded == 0 {
			fmt.Fprintf(t, "%s\t%d\t%d\t-\t-\t-\t\n", p.name, k.kills, k.inside)
			continue
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%v\t%v\t\n", p.name, k.kills, k.inside, k.lossless,
			k.low.Round(time.Millisecond), k.high.Round(time.Millisecond))
	}
	fmt.Fprintf(t, "all\t%d\t%d\t\t\t\t\n", kills, inside)
	t.Flush()
	fmt.Fprintf(w, "%d reopened and ready, %d verified clean, %d checkpoints, %d announces acknowledged, %d of them lost, %d MiB at most, %v\n",
		r.opened, r.verified, r.checkpoints, r.acked, r.lost, r.memory>>20, time.Since(r.began).Round(time.Second))
}
