package main

import (
	"crypto/x509"
	"testing"
)

// TestAuthoritiesAreBuiltIn: where the system has no certificates of authorities, those
// built in are used. They can be set once: setting them again panics.
func TestAuthoritiesAreBuiltIn(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no authorities are built in")
		}
	}()
	x509.SetFallbackRoots(x509.NewCertPool())
}
