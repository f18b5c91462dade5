package store

import (
	"bufio"
	"bytes"
	"io"
	"os"

	"go.etcd.io/bbolt"

	"keeptrack/tracker"
)

// Export writes every record of the file at path to w as a line of text (see
// AppendLine), in order of info hash, and returns their number. What the file has of
// origins and parts is in comment lines: see docs/internals/format.md.
func Export(path string, w io.Writer) (n int, err error) {
	out := bufio.NewWriterSize(w, 64<<10)
	err = viewNewest(path, nil, func(tx *bbolt.Tx, _ *os.File) error {
		if n, err = exportTx(tx, out); err != nil {
			return damaged(path, err)
		}
		return out.Flush()
	})
	return n, err
}

// exportTx writes to out, whose errors come again with Flush.
func exportTx(tx *bbolt.Tx, out *bufio.Writer) (n int, err error) {
	origins, err := readOrigins(tx)
	if err != nil {
		return 0, err
	}
	_, _ = out.Write(origins.appendHead(nil))
	parts, err := newPartReader(tx, origins)
	if err != nil {
		return 0, err
	}
	var line []byte
	var failed error
	_, _, err = walk(tx, func(r tracker.Record) {
		line = line[:0]
		if failed == nil {
			line, failed = parts.appendLines(line, &r.InfoHash)
		}
		_, _ = out.Write(AppendLine(line, r))
		n++
	})
	if err == nil && failed == nil {
		failed = parts.end()
	}
	if err == nil {
		err = failed
	}
	return n, err
}

// appendHead appends the lines that a text begins with.
func (t *originTable) appendHead(dst []byte) []byte {
	if !t.none() {
		dst = append(append(dst, partsHead...), '\n')
	}
	if t.floors {
		dst = append(append(dst, floorsHead...), '\n')
	}
	for _, o := range t.origins().Folded {
		dst = appendFolded(dst, o)
	}
	return dst
}

// partReader reads the parts of torrents in order of info hash.
type partReader struct {
	walker  *walker
	origins *originTable
	row     []byte // that comes next, nil at the end
}

func newPartReader(tx *bbolt.Tx, origins *originTable) (*partReader, error) {
	w, err := partTable.in(tx).newWalker()
	if err != nil {
		return nil, err
	}
	r := &partReader{walker: w, origins: origins}
	r.row, err = w.next()
	return r, err
}

// appendLines appends lines of the parts of a torrent, and passes over those before.
func (r *partReader) appendLines(dst []byte, h *tracker.InfoHash) ([]byte, error) {
	for r.row != nil {
		order := bytes.Compare(r.row[:hashSize], h[:])
		if order > 0 {
			return dst, nil
		}
		if p := readPart(r.row); order == 0 && !r.origins.drops(p) {
			dst = appendPartLine(dst, p)
		}
		var err error
		if r.row, err = r.walker.next(); err != nil {
			r.row = nil
			return dst, err
		}
	}
	return dst, nil
}

// end reads what is left, which may be damaged.
func (r *partReader) end() (err error) {
	for err == nil && r.row != nil {
		r.row, err = r.walker.next()
	}
	return err
}
