// Package snapshot keeps the peers of all swarms in a file beside the database, so
// that they outlive the process. It is no part of the database, and no backup has
// it.
//
// A Writer makes the file; it takes the place of the one before when it is whole.
// Open and Reader.Each read it: a damaged block costs the peers that are in it.
// Both stream, in memory that does not grow with the number of peers.
// docs/internals/format.md describes every byte.
package snapshot
