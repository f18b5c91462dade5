//go:build !linux

package store

import "go.etcd.io/bbolt"

// willNeed is an optimisation that only Linux gets.
func willNeed([]byte) {}

// dontNeed is an optimisation that only Linux gets.
func dontNeed([]byte) {}

// forget is an optimisation that only Linux gets.
func forget(*bbolt.DB) {}

// forgetTx is an optimisation that only Linux gets.
func forgetTx(*bbolt.Tx) {}
