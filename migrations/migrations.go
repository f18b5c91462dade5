// Package migrations holds the versions of the database's schema: one step a
// file, numbered in order. A step that has been released is never edited; what
// it made is changed by a further step.
package migrations

import "go.etcd.io/bbolt"

// Step makes one version of the schema from the one before.
type Step struct {
	// Name says in a word or two what the step brings.
	Name string
	// Apply makes the changes. It runs in a transaction of its own, which also
	// records the new version; an error undoes all of it.
	Apply func(tx *bbolt.Tx) error
}

// Steps are all steps in order. The first makes version 1 out of an empty
// file, so that the newest version is len(Steps).
var Steps = []Step{
	{Name: "initial", Apply: initial},
	{Name: "access", Apply: access},
}
