// Command release builds what keeptrack is published as: binaries, archives,
// packages for Debian and for RPM systems, images for containers, and lists of what is
// in them. The same commit and the same Go give the same bytes. It runs in the
// repository's root:
//
//	go run ./cmd/release -out dist
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
)

func main() {
	out := flag.String("out", "dist", "an empty or new `FOLDER` for what is built")
	platforms := flag.String("platforms", strings.Join(allPlatforms, " "), "`LIST` of what to build for, as OS/ARCH")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := publish(ctx, *out, strings.Fields(*platforms)); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// allPlatforms are those that a release is built for. Windows is not among them: the
// daemon needs POSIX users and permissions.
var allPlatforms = []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64"}

// publish builds the working directory for the platforms, into out.
func publish(ctx context.Context, out string, platforms []string) error {
	s, err := describe(ctx, ".")
	if err != nil {
		return err
	}
	r := release{root: ".", out: out, source: s}
	if err := r.build(ctx, platforms); err != nil {
		return err
	}
	if err := s.unchanged(ctx, "."); err != nil {
		return err
	}
	fmt.Printf("keeptrack %s is in %s\n", s.version, out)
	return nil
}
