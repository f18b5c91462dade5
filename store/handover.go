package store

import (
	"os"
	"time"

	"go.etcd.io/bbolt"

	"keeptrack/migrations"
	"keeptrack/store/safefile"
)

// A copy of a database names no present origin: the instance that it is of goes on
// counting for that, so that here it is another member's.

// withoutPresent has a new file, which has been verified, name no present origin.
func withoutPresent(part *safefile.Temp, now time.Time) error {
	t, _, err := originsIn(part)
	if err != nil || t == nil || !t.yield(now) {
		return err
	}
	return edited(part, func(tx *bbolt.Tx) error { return replaceOrigins(tx, t) })
}

// takeOver makes a new file, which has been verified, one that takes the place of
// another, which had the origins was; nil if they are not known. The one that was
// present there, and those that had ended there, have ended: nobody counts for them
// any more. Replay floors go, as those of the copy say nothing of what came since,
// and parts make replays harmless.
func takeOver(part *safefile.Temp, was *originTable, now time.Time) error {
	t, floors, err := originsIn(part)
	if err != nil || t == nil {
		return err
	}
	before := len(t.kinds)
	t.yield(now)
	if was != nil {
		for name, v := range was.kinds {
			if v.kind == originPresent || v.kind == originEnded {
				t.set(name, originEnded, 0)
			}
		}
	}
	if !floors && before == 0 && t.none() { // there is nothing to change
		return nil
	}
	return edited(part, func(tx *bbolt.Tx) error {
		if err := putFloors(tx, ReplayFloors{}); err != nil {
			return err
		}
		return replaceOrigins(tx, t)
	})
}

// yield makes the present origin another member's, and reports whether there is one.
func (t *originTable) yield(now time.Time) bool {
	for name, v := range t.kinds {
		if v.kind == originPresent {
			t.kinds[name] = originValue{originMember, nanoseconds(now)}
			return true
		}
	}
	return false
}

// replaceOrigins puts a table in place of what a file has.
func replaceOrigins(tx *bbolt.Tx, t *originTable) error {
	was, err := readOrigins(tx)
	if err != nil {
		return err
	}
	return t.put(tx, was)
}

// originsIn returns the origins in a new file that is whole, nil if it is of an older
// version than has any, and whether there are replay floors in it.
func originsIn(part *safefile.Temp) (t *originTable, floors bool, err error) {
	f, err := part.Dup()
	if err != nil {
		return nil, false, err
	}
	return originsOf(f, part.Name())
}

// originsOf is originsIn for an open file, which it closes. path is what errors call
// it.
func originsOf(f *os.File, path string) (t *originTable, floors bool, err error) {
	newest := len(migrations.Steps)
	err = viewFile(f, path, func(tx *bbolt.Tx, f *os.File) error {
		if err := examineTx(tx, f, path, newest, nil); err != nil {
			return err
		}
		if version, err := readVersion(tx); err != nil || version < newest {
			return err
		}
		if err := checkMeta(tx); err != nil {
			return damaged(path, err)
		}
		k, _ := tx.Bucket(bucketSeen).Cursor().First()
		floors = k != nil
		t, err = readOrigins(tx)
		return err
	})
	return t, floors, err
}

// edited runs a transaction on a new file, which has been verified, and puts it on
// disk.
func edited(part *safefile.Temp, fn func(*bbolt.Tx) error) error {
	o := options()
	o.NoSync = true
	o.OpenFile = func(string, int, os.FileMode) (*os.File, error) { return part.Dup() }
	db, err := bbolt.Open(part.Name(), 0, o)
	if err != nil {
		return err
	}
	db.AllocSize = growth
	var size int64
	err = db.Update(func(tx *bbolt.Tx) error { return guarded(func() error { return fn(tx) }) })
	if err == nil {
		err = db.View(func(tx *bbolt.Tx) error {
			size = tx.Size()
			return nil
		})
	}
	if closeErr := db.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = part.Truncate(size)
	}
	if err != nil {
		return err
	}
	if err := part.Sync(); err != nil {
		return err
	}
	_, _, err = originsIn(part) // its pages hang together
	return err
}
