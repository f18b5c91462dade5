// Package migrations holds the versions of the database's schema: one step a
// file, numbered in order. A step that has been released is never edited; what
// it made is changed by a further step.
package migrations

import "go.etcd.io/bbolt"

// Step makes one version of the schema from the one before.
type Step struct {
	// Name says in a word or two what the step brings.
	Name string
	// Prepare, if not nil, does what would be too much for one transaction. It is
	// called once in every try at the step and returns a function that does a part
	// of the work, to be called in a transaction of its own until it returns done.
	// After each the file is still whole and of the version before, and the next
	// try goes on from there.
	Prepare func() Part
	// Begun, if not nil, reports whether Prepare's work has begun in an earlier
	// try.
	Begun func(tx *bbolt.Tx) bool
	// Apply makes the changes. It runs in a transaction of its own, which also
	// records the new version; an error undoes all of it.
	Apply func(tx *bbolt.Tx) error
}

// Part does a part of a step's work. Once there is nothing left to do it returns
// done.
type Part func(tx *bbolt.Tx) (done bool, err error)

// Steps are all steps in order. The first makes version 1 out of an empty
// file, so that the newest version is len(Steps).
var Steps = []Step{
	{Name: "initial", Apply: initial},
	{Name: "access", Apply: access},
	{Name: "chunks", Prepare: prepareChunks, Begun: chunksBegun, Apply: chunks},
	{Name: "overrides", Apply: overrides},
	{Name: "parts", Apply: parts},
}
