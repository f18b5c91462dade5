//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// run measures the rows of a table that are wanted, and prints them.
func (t *table) run(ctx context.Context, s *settings) error {
	wanted := slices.DeleteFunc(t.loads, func(l load) bool { return !s.only.MatchString(t.title + ": " + l.name) })
	if len(wanted) == 0 {
		return nil
	}
	columns := t.columns(s)
	head := []string{t.title + ", " + t.unit}
	for _, p := range columns {
		head = append(head, p.name)
	}
	for _, p := range columns {
		if p.name != "keeptrack" {
			head = append(head, "keeptrack to "+p.name)
		}
	}
	fmt.Printf("\n| %s |\n|%s\n", strings.Join(head, " | "), strings.Repeat("---|", len(head)))
	for i := range wanted {
		of, err := t.measure(ctx, s, columns, &wanted[i])
		if err != nil {
			return fmt.Errorf("%s: %w", wanted[i].name, err)
		}
		fmt.Printf("| %s |\n", strings.Join(row(&wanted[i], columns, of), " | "))
	}
	return nil
}

// columns returns the programs that have a path and speak the protocol.
func (t *table) columns(s *settings) []program {
	http, memory := t.loads[0].http, t.loads[0].memory
	return slices.DeleteFunc(slices.Clone(programs), func(p program) bool {
		return s.paths[p.name] == "" || http && !p.http || !http && !p.udp || memory && p.name == "floor"
	})
}

// measure returns the figures of each program that answers, by name.
func (t *table) measure(ctx context.Context, s *settings, columns []program, l *load) (of map[string][]figure, err error) {
	of = make(map[string][]figure)
	var servers []*server
	defer func() {
		for _, server := range servers {
			err = errors.Join(err, server.stop())
		}
	}()
	for _, p := range columns {
		server, err := p.start(ctx, s, l)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s, %s: %v\n", l.name, p.name, err)
			continue
		}
		servers = append(servers, server)
		if err := server.answers(ctx, l); err != nil {
			fmt.Fprintf(os.Stderr, "%s, %s does not answer: %v\n%s", l.name, p.name, err, server.said())
			continue
		}
		if l.peers > 0 || l.memory {
			resident, err := l.fill(ctx, server)
			if err != nil {
				return of, err
			}
			if l.memory {
				of[p.name] = []figure{{cpu: resident}}
				continue
			}
		}
		of[p.name] = nil
	}
	for range s.rounds {
		for _, server := range servers {
			if _, answers := of[server.name]; !answers || l.memory {
				continue
			}
			f, err := l.measure(ctx, server)
			if err != nil {
				return of, err
			}
			of[server.name] = append(of[server.name], f)
		}
	}
	return of, nil
}

// row returns the cells of a row.
func row(l *load, columns []program, of map[string][]figure) []string {
	cells := []string{l.name}
	for _, p := range columns {
		figures := of[p.name]
		if len(figures) == 0 {
			cells = append(cells, "–")
			continue
		}
		cell := fmt.Sprintf("%.2f", median(figures, func(f figure) float64 { return f.cpu }))
		if l.rate > 0 {
			cell += fmt.Sprintf(", p99 %.1f ms", median(figures, func(f figure) float64 { return f.p99 }))
		}
		cells = append(cells, cell)
	}
	ours := of["keeptrack"]
	for _, p := range columns {
		theirs := of[p.name]
		switch {
		case p.name == "keeptrack":
		case len(theirs) == 0 || len(ours) != len(theirs):
			cells = append(cells, "–")
		default:
			cells = append(cells, ratio(ours, theirs))
		}
	}
	return cells
}

// ratio returns the median of the ratios round by round, and the lowest and highest.
func ratio(ours, theirs []figure) string {
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = ours[i].cpu / theirs[i].cpu
	}
	slices.Sort(ratios)
	if len(ratios) == 1 {
		return fmt.Sprintf("%.2f", ratios[0])
	}
	return fmt.Sprintf("%.2f [%.2f–%.2f]", ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1])
}

func median(figures []figure, of func(figure) float64) float64 {
	all := make([]float64, len(figures))
	for i, f := range figures {
		all[i] = of(f)
	}
	slices.Sort(all)
	return all[len(all)/2]
}

var modelName = regexp.MustCompile(`(?m)^model name\s*:\s*(.*)$`)

// printMachine prints what the figures are of.
func printMachine(w io.Writer) {
	model := "unknown processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if m := modelName.FindSubmatch(text); m != nil {
			model = string(m[1])
		}
	}
	release := "?"
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		release = unix.ByteSliceToString(name.Release[:])
	}
	fmt.Fprintf(w, "%s, %d processors of %s, Linux %s, %s\n", time.Now().Format(time.DateOnly), runtime.NumCPU(), model, release, runtime.Version())
}
