// Command keeptrack is an open BitTorrent tracker that keeps its numbers.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}
