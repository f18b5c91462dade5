package store

import "keeptrack/tracker"

// expiry lets records go that the tracker lacks, unless the file has parts of them
// that are not folded.
type expiry struct {
	src   Source
	batch *batch
	parts *lookup
	last  tracker.InfoHash // that was looked up
}

// drop reports whether a record is to go, and has what is left of its parts go too.
func (e *expiry) drop(record []byte, newest bool) (bool, error) {
	r := readRecord(record)
	if newest || !e.src.Expired(r) {
		return false, nil
	}
	if compareRecords(r, tracker.Record{InfoHash: e.last}) <= 0 { // runs go back
		e.parts = e.parts.again()
	}
	e.last = r.InfoHash
	rows, err := e.batch.rows(e.parts, &r.InfoHash)
	if err != nil || countedParts(rows) > 0 {
		return false, err
	}
	e.batch.remove(&r.InfoHash, rows)
	return true, nil
}
