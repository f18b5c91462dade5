// Command keeptrack is an open BitTorrent tracker that keeps its numbers.
package main

import (
	"os"

	// A container from scratch and a bare system have no authorities to verify servers
	// by. There Mozilla's count, as they were at the build.
	_ "golang.org/x/crypto/x509roots/fallback"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}
