package store

import (
	"errors"
	"fmt"
	"os"

	"go.etcd.io/bbolt"

	"keeptrack/migrations"
	"keeptrack/store/boltpage"
)

// Verify checks everything in the file at path and returns all that it finds
// wrong: the structure of its pages, first by looks and then, if the meta pages
// are whole, as bbolt sees it; checksums, lengths and order of all values; that
// records and parts are in the chunk that their key belongs to and the journals have
// no gap. It writes nothing. An error is one that kept it from looking, such as
// ErrInUse or ErrNewer. Of a file of an older version the pages are checked.
func Verify(path string) (findings []error, err error) {
	return verify(path, func(check func(*bbolt.Tx, *os.File) error) error { return view(path, check) })
}

// verifyFile is Verify for an open file, which it closes.
func verifyFile(f *os.File, path string) (findings []error, err error) {
	return verify(path, func(check func(*bbolt.Tx, *os.File) error) error { return viewFile(f, path, check) })
}

// verify is Verify of what open opens.
func verify(path string, open func(check func(*bbolt.Tx, *os.File) error) error) (findings []error, err error) {
	report := func(err error) { findings = append(findings, err) }
	err = open(func(tx *bbolt.Tx, f *os.File) error {
		sound, err := verifyPages(tx, f, path, report)
		if err != nil || !sound {
			return err // what comes next trusts the pages
		}
		return verifyContents(tx, path, report)
	})
	if errors.Is(err, ErrDamaged) || err != nil && len(findings) > 0 {
		return append(findings, err), nil
	}
	return findings, err
}

// verifyPages checks the pages; sound is whether the contents can be looked at.
func verifyPages(tx *bbolt.Tx, f *os.File, path string, report func(error)) (sound bool, err error) {
	var metas, others int
	_, err = checkFile(tx, f, path, func(err error) {
		report(err)
		if errors.As(err, new(*boltpage.MetaError)) {
			metas++
		} else {
			others++
		}
	})
	if err != nil || others > 0 {
		return false, err
	}
	if metas == 0 { // bbolt's own check panics at a meta page that is none
		for err := range tx.Check() {
			report(err)
			others++
		}
	}
	return others == 0, nil
}

// verifyContents checks what the buckets hold.
func verifyContents(tx *bbolt.Tx, path string, report func(error)) error {
	version, err := readVersion(tx)
	if err != nil {
		return openError(path, err)
	}
	newest := len(migrations.Steps)
	if err := checkVersion(path, version, newest); err != nil {
		return err
	}
	switch {
	case version == 0:
		return fmt.Errorf("database %s is %w", path, ErrEmpty)
	case version < newest:
		return nil
	}
	if err := checkMeta(tx); err != nil {
		report(err)
	}
	if access := tx.Bucket(bucketAccess); access != nil {
		verifyEach(access, "access", report, checkOverride)
	}
	if seen := tx.Bucket(bucketSeen); seen != nil {
		verifyEach(seen, "livesync_seen", report, checkFloor)
	}
	if origins := tx.Bucket(bucketOrigins); origins != nil {
		verifyEach(origins, "origins", report, originChecker())
	}
	for _, t := range tables {
		if in := t.in(tx); in.base != nil && in.journal != nil {
			in.verifyJournal(in.verifyChunks(report), report)
		}
	}
	return nil
}

// verifyEach reports the keys of a bucket that check finds something wrong with.
func verifyEach(b *bbolt.Bucket, name string, report func(error), check func(k, v []byte) error) {
	err := b.ForEach(func(k, v []byte) error {
		if err := check(k, v); err != nil {
			report(fmt.Errorf("bucket %s, key %x: %w", name, k, err))
		}
		return nil
	})
	if err != nil {
		report(fmt.Errorf("bucket %s: %w", name, err))
	}
}

// verifyChunks checks every chunk of the base and returns the oldest sequence, as
// far as can be told.
func (t tableTx) verifyChunks(report func(error)) (oldest uint64) {
	newest := t.journal.Sequence()
	oldest = newest
	c := t.base.Cursor()
	k, v := c.First()
	if err := t.checkFirstChunk(k); err != nil {
		report(err)
	}
	for k != nil {
		low := k
		err := t.checkChunkKey(k, v)
		k, v = c.Next()
		if err != nil {
			report(t.chunkError(low, err))
			continue
		}
		value := t.chunk(low)
		willNeed(value)
		state, err := t.decodeChunk(bounds{low, k}, value)
		switch {
		case err != nil && !t.chunkLength(len(value)):
			report(t.chunkError(low, err))
			continue
		case err != nil:
			report(t.chunkError(low, err))
			state.sequence = chunkSequence(value)
		case state.sequence > newest:
			report(t.chunkError(low, errAhead{state.sequence, newest}))
		}
		dontNeed(value)
		oldest = min(oldest, state.sequence)
	}
	return oldest
}

// verifyJournal checks that the journal holds every entry after oldest, and each
// of them.
func (t tableTx) verifyJournal(oldest uint64, report func(error)) {
	next := oldest + 1
	c := t.journal.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		sequence, err := journalKey(k, v)
		if err != nil {
			report(t.journalError(k, err))
			continue
		}
		if sequence != next {
			report(t.journalError(k, errGap{next}))
		}
		next = sequence + 1
		value := t.journal.Bucket(k).Get(keyChanges)
		if _, err := t.decodeWhole(sequence, value); err != nil {
			report(t.journalError(k, err))
		}
		dontNeed(value)
	}
	if written := t.journal.Sequence(); written != next-1 {
		report(errEnd{t.Journal, next - 1, written})
	}
}
