//go:build linux

// Command benchpeers puts keeptrack and other trackers under the same loads, in turns,
// and prints the tables of docs/performance.md.
//
//	go run ./cmd/benchpeers
//	go run ./cmd/benchpeers --only 'UDP|memory' --rounds 3 --aquatic-udp ~/.cargo/bin/aquatic_udp
//
// The floor is a server of its own that keeps no state: it receives and answers in
// batches, as keeptrack does, and gives 30 made-up peers. It has no naps and no timers. opentracker is found in PATH
// (Debian's package has a whitelist, which is written); other programs are measured if
// their paths are given. keeptrack is built from the current module unless a path is given.
//
// Each program runs on one processor and the load on another. What is compared is the CPU
// time of the server for each good reply, user and system, or its resident memory. All
// programs of a table's row are started and filled first, then measured one after the other
// in each round. A figure is the median of the rounds. A ratio is taken round by round: its
// median, and in brackets the lowest and the highest. A program that does not answer a
// load, because it has no IPv6 for example, has a dash.
//
// Everything stays on loopback addresses and ends by itself: the whole takes some 15
// minutes with five rounds.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"time"

	"keeptrack/cmd/internal/harness"
)

// settings are what the command line says.
type settings struct {
	rounds  int
	seconds time.Duration // of a measurement
	only    *regexp.Regexp
	paths   map[string]string // of programs, by name
	folder  string            // for configs and databases
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == floorArgument {
		fatal(runFloor(os.Args[2:]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	fatal(run(ctx))
}

func fatal(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchpeers:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	s, err := parseSettings()
	if err != nil {
		return err
	}
	if s.folder, err = os.MkdirTemp("", "benchpeers"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(s.folder)) }()
	if err := os.Chmod(s.folder, 0o755); err != nil { // opentracker gives its rights up
		return err
	}
	if s.paths["keeptrack"] == "" {
		s.paths["keeptrack"] = filepath.Join(s.folder, "keeptrack")
		if err := harness.Build(ctx, s.paths["keeptrack"]); err != nil {
			return err
		}
	}
	if err := pinSelf(1); err != nil {
		return err
	}
	printMachine(os.Stdout)
	for _, t := range tables(s.seconds) {
		if err := t.run(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func parseSettings() (*settings, error) {
	s := &settings{paths: map[string]string{"floor": os.Args[0]}}
	var only string
	flag.IntVar(&s.rounds, "rounds", 5, "the `NUMBER` of rounds; odd, for a median")
	flag.DurationVar(&s.seconds, "duration", 2*time.Second, "the `TIME` that a measurement takes")
	flag.StringVar(&only, "only", ".", "measure rows that match a regular `EXPRESSION`, as in \"UDP IPv4: saturated\"")
	given := map[string]*string{}
	for _, p := range programs {
		if p.name != "floor" {
			given[p.name] = flag.String(p.name, "", "the `PATH` of "+p.name)
		}
	}
	flag.Parse()
	for name, path := range given {
		if *path != "" {
			s.paths[name] = *path
		}
	}
	if path, err := exec.LookPath("opentracker"); err == nil && s.paths["opentracker"] == "" {
		s.paths["opentracker"] = path
	}
	var err error
	s.only, err = regexp.Compile(only)
	switch {
	case err != nil:
		return nil, fmt.Errorf("--only: %w", err)
	case flag.NArg() > 0:
		return nil, fmt.Errorf("unexpected argument %q", flag.Arg(0))
	case s.rounds < 1 || s.rounds%2 == 0:
		return nil, fmt.Errorf("--rounds: %d is not odd", s.rounds)
	case runtime.NumCPU() < 2:
		return nil, errors.New("two processors are needed: one for the server, one for the load")
	}
	return s, nil
}
