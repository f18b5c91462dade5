// Package bep15test holds what tests of the UDP tracker protocol share: golden
// packets.
package bep15test

import (
	_ "embed"
	"encoding/hex"
	"strings"
	"testing"

	"keeptrack/tracker"
)

// ConnectionID is the connection id of the golden packets.
const ConnectionID = 0x0123456789abcdef

// InfoHash is the info hash of most of them.
var InfoHash = tracker.InfoHash{
	0x50, 0x24, 0xe2, 0x7a, 0x65, 0xda, 0x1e, 0x1e, 0xa6, 0xdc,
	0x6a, 0x51, 0x16, 0x8c, 0xb2, 0xd7, 0x10, 0xcf, 0xc5, 0xe6,
}

//go:embed packets.txt
var packets string

// Goldens returns the packets of packets.txt by name.
func Goldens(t testing.TB) map[string][]byte {
	t.Helper()
	goldens := make(map[string][]byte)
	for line := range strings.Lines(packets) {
		name, digits, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || name == "#" {
			continue
		}
		p, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		goldens[name] = p
	}
	return goldens
}
