package store

import "go.etcd.io/bbolt"

// forgetPages is the number of a mapping's pages that may be in the process's
// memory before they are taken out of it.
const forgetPages = 1024

// footprint is about how many pages of a mapping have been looked at since they were
// last forgotten.
type footprint int

// grow is called before a chunk is read together with so many journal entries. Of each
// entry's two lists that is a page or two, which the kernel brings in with those
// around them.
func (f *footprint) grow(tx *bbolt.Tx, entries int) {
	const list, chunk = 16, 32
	if *f += footprint(list*entries + chunk); *f > forgetPages {
		forgetTx(tx)
		*f = 0
	}
}
