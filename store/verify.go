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
// records are in the chunk that their info hash belongs to and the journal has no
// gap. It writes nothing. An error is one that kept it from looking, such as
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
	chunks, journal := tx.Bucket(bucketChunks), tx.Bucket(bucketJournal)
	if chunks == nil || journal == nil {
		return nil
	}
	oldest := verifyChunks(chunks, journal.Sequence(), report)
	verifyJournal(journal, oldest, report)
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
func verifyChunks(chunks *bbolt.Bucket, newest uint64, report func(error)) (oldest uint64) {
	oldest = newest
	c := chunks.Cursor()
	k, v := c.First()
	if err := checkFirstChunk(k); err != nil {
		report(err)
	}
	for k != nil {
		low := k
		err := checkChunkKey(k, v)
		k, v = c.Next()
		if err != nil {
			report(chunkError(low, err))
			continue
		}
		value := chunkValueOf(chunks, low)
		willNeed(value)
		state, err := decodeChunk(bounds{low, k}, value)
		switch {
		case err != nil && !chunkLength(len(value)):
			report(chunkError(low, err))
			continue
		case err != nil:
			report(chunkError(low, err))
			state.sequence = chunkSequence(value)
		case state.sequence > newest:
			report(chunkError(low, errAhead{state.sequence, newest}))
		}
		dontNeed(value)
		oldest = min(oldest, state.sequence)
	}
	return oldest
}

// verifyJournal checks that the journal holds every entry after oldest, and each
// of them.
func verifyJournal(journal *bbolt.Bucket, oldest uint64, report func(error)) {
	next := oldest + 1
	c := journal.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		sequence, err := journalKey(k, v)
		if err != nil {
			report(journalError(k, err))
			continue
		}
		if sequence != next {
			report(journalError(k, errGap{next}))
		}
		next = sequence + 1
		value := journal.Bucket(k).Get(keyChanges)
		if _, err := decodeWhole(sequence, value); err != nil {
			report(journalError(k, err))
		}
		dontNeed(value)
	}
	if written := journal.Sequence(); written != next-1 {
		report(errEnd{next - 1, written})
	}
}
