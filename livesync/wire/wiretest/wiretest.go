// Package wiretest holds what tests of live sync share: golden packets and keys.
package wiretest

import (
	_ "embed"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

//go:embed packets.txt
var packets string

// Golden is a packet with what it decodes to.
type Golden struct {
	Name   string
	Packet []byte
	Text   string
}

// Goldens returns the packets of packets.txt.
func Goldens(t testing.TB) []Golden {
	t.Helper()
	var gs []Golden
	for line := range strings.Lines(packets) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "|")
		packet, err := hex.DecodeString(strings.TrimSpace(f[1]))
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		gs = append(gs, Golden{strings.TrimSpace(f[0]), packet, strings.TrimSpace(f[2])})
	}
	return gs
}

// Packet returns the bytes of a golden packet.
func Packet(t testing.TB, name string) []byte {
	t.Helper()
	for _, g := range Goldens(t) {
		if g.Name == name {
			return g.Packet
		}
	}
	t.Fatalf("no golden packet %q", name)
	return nil
}

// keySize is wire.KeySize, which this package cannot import: wire's tests import
// this package.
const keySize = 32

// HexKey returns the line of a key file for the key that consists of b alone.
func HexKey(b byte) string { return strings.Repeat(fmt.Sprintf("%02x", b), keySize) }

// KeyFile returns what a key file holds for the keys made of the bytes given.
func KeyFile(bytes ...byte) string {
	var text strings.Builder
	for _, b := range bytes {
		text.WriteString(HexKey(b) + "\n")
	}
	return text.String()
}
