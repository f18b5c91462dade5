//go:build !linux

package store

// willNeed is an optimisation that only Linux gets.
func willNeed([]byte) {}

// dontNeed is an optimisation that only Linux gets.
func dontNeed([]byte) {}
