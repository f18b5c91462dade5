package config

import (
	"os"
	"strings"
	"testing"
)

const (
	referencePath  = "../../../docs/configure.md"
	referenceStart = "<!-- From here on written by: go test ./cmd/internal/config -update -->\n\n"
)

// TestReferenceIsUpToDate holds the second part of docs/configure.md equal to what the
// keys declare.
func TestReferenceIsUpToDate(t *testing.T) {
	text, err := os.ReadFile(referencePath)
	if err != nil {
		t.Fatal(err)
	}
	before, after, found := strings.Cut(string(text), referenceStart)
	if !found {
		t.Fatalf("docs/configure.md has no line %q", referenceStart)
	}
	if *update {
		if err := os.WriteFile(referencePath, []byte(before+referenceStart+Reference()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if after != Reference() {
		t.Error("docs/configure.md differs from what the keys declare; run: go test ./cmd/internal/config -update")
	}
}
