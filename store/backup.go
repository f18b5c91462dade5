package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"go.etcd.io/bbolt"

	"keeptrack/store/safefile"
)

// Backup writes a copy of the database to w, all of it as of one moment. The
// daemon goes on meanwhile, but pages that checkpoints free are not used again
// before the copy is done: the file grows by what they write.
func (s *Store) Backup(w io.Writer) error {
	return s.db.View(func(tx *bbolt.Tx) error { return writeTo(tx, s.path, w) })
}

// BackupFile writes a copy of the file at path, which no process may have open
// for writing, to w. Both meta pages must be whole: the copy's are made anew, and
// nobody would see that it is as of an earlier transaction.
func BackupFile(path string, w io.Writer) error {
	return view(path, copyTo(path, w))
}

// backupOpen is BackupFile for an open file, which it closes.
func backupOpen(f *os.File, w io.Writer) error { return viewFile(f, f.Name(), copyTo(f.Name(), w)) }

// copyTo returns what writes a copy of the file that errors call path.
func copyTo(path string, w io.Writer) func(*bbolt.Tx, *os.File) error {
	return func(tx *bbolt.Tx, f *os.File) error {
		if err := checkMetaPages(tx, f, path); err != nil {
			return err
		}
		return writeTo(tx, path, w)
	}
}

func writeTo(tx *bbolt.Tx, path string, w io.Writer) error {
	_, err := tx.WriteTo(w)
	if errors.Is(err, io.EOF) {
		return damaged(path, errors.New("shorter than its meta page says"))
	}
	if err != nil {
		return fmt.Errorf("copying database %s: %w", path, err)
	}
	return nil
}

// Save makes the file at path, readable for its owner only, out of what write
// writes, which must be a database. It is written to a file beside path,
// flushed, verified and then put in place of what was there; on an error the
// latter is left as it is, as is one that a process has open: ErrInUse. It
// returns the number of bytes. The file names no present origin: that is a member
// heard now in it.
func Save(path string, write func(io.Writer) error) (size int64, err error) {
	at, err := safefile.Locate(path)
	if err != nil {
		return 0, err
	}
	defer at.Close() // was only looked into
	present, err := reserve(at)
	if err != nil {
		return 0, err
	}
	defer present.Close() // nothing was written to it
	part, err := at.Temp("." + rand.Text()[:10] + ".part")
	if err != nil {
		return 0, err
	}
	defer part.Discard() // removes it unless it is in its place
	if err := write(part); err != nil {
		return 0, err
	}
	if err := verified(part, "the copy"); err != nil {
		return 0, err
	}
	if err := withoutPresent(part, time.Now()); err != nil {
		return 0, err
	}
	info, err := part.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), part.Commit()
}

// reserve locks the file at a place until it is closed, so that nobody opens as a
// database what is about to be replaced. Without a file there it returns nil.
func reserve(at *safefile.Place) (*os.File, error) {
	f, err := at.Open(os.O_RDONLY)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	}
	if err := exclude(f); err != nil {
		return nil, errors.Join(fmt.Errorf("%s is %w", at.Path(), err), f.Close())
	}
	if err := inPlace(f, at); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// verified puts a new file on disk and returns an error if Verify finds something
// in it. name is what the errors call the file.
func verified(part *safefile.Temp, name string) error {
	if err := part.Sync(); err != nil {
		return err
	}
	f, err := part.Dup()
	if err != nil {
		return err
	}
	findings, err := verifyFile(f, part.Name())
	if err != nil {
		return fmt.Errorf("%s does not verify: %w", name, err)
	}
	if n := len(findings); n > 0 {
		return fmt.Errorf("%s is %w: %w (the first of %d findings)", name, ErrDamaged, findings[0], n)
	}
	return nil
}
