// Package certificates gives the TLS front end its certificates: from two files, or from
// an authority that speaks ACME.
package certificates

import (
	"context"
	"crypto/tls"
	"time"
)

// Source gives certificates.
type Source interface {
	// TLS returns the config to serve with.
	TLS() *tls.Config
	// Run keeps the certificates up to date until ctx is done.
	Run(ctx context.Context) error
	// Expiries returns when the certificate of each name ends, zero while there is none.
	Expiries() map[string]time.Time
	// Failures returns how often a certificate could not be read or got.
	Failures() uint64
}
