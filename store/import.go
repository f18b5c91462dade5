package store

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/rs/zerolog"

	"keeptrack/tracker"
)

// maxLine is the number of bytes from which on a line is refused unread.
const maxLine = 4 << 10

// importBatch is the number of lines that are sorted and then merged into the file:
// the more they are, the smaller is the part of the file that each of their batches
// is merged with.
const importBatch = 1 << 20

var errLineLength = fmt.Errorf("the line is longer than %d bytes", maxLine)

// Imported says what an import did.
type Imported struct {
	Lines   int // read, empty ones and comments left out
	Changed int // torrents that are new or have other numbers now
	Refused int // lines that make no sense
}

// Import reads lines as ParseLine does and merges them into the file at path,
// which is made if it does not exist and must be whole: of each torrent the
// greater count and the later last announce stay, and likewise of their parts and
// of nobody's. Empty lines and those that begin with # are passed over, but for those
// that Export writes. What a line is refused for goes to refused with
// its number, counted from 1, and the import goes on. After any other error the
// file holds a part of what was read. It needs about 100 MiB of memory,
// whatever the number of torrents.
func Import(path string, text io.Reader, log zerolog.Logger, refused func(line int, err error)) (res Imported, err error) {
	s, err := openWith(path, log, nil)
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	refuse := func(line int, err error) {
		res.Refused++
		refused(line, err)
	}
	d, err := s.dumpReader(refuse)
	if err != nil {
		return res, err
	}
	write := func() error {
		written, err := s.Checkpoint(d.sort(), Along{Origins: d.along, combine: d.combine})
		res.Changed += written.Records
		d.done()
		return err
	}
	lines := lineReader{r: bufio.NewReaderSize(text, maxLine)}
	for {
		line, err := lines.next()
		switch {
		case err == io.EOF:
			d.alone()
			return res, write()
		case err != nil && err != errLineLength:
			return res, fmt.Errorf("line %d: %w", lines.number, err)
		case err == nil && len(line) == 0:
			continue
		case err == nil && line[0] == '#':
			if err := d.comment(line, lines.number); err != nil {
				refuse(lines.number, err)
			}
			continue
		}
		res.Lines++
		if err == nil {
			err = d.torrent(line)
		}
		if err != nil {
			refuse(lines.number, err)
		} else if len(d.added) == importBatch {
			if err := write(); err != nil {
				return res, err
			}
		}
	}
}

// dumpReader returns what reads lines for the store, which it loads.
func (s *Store) dumpReader(refuse func(int, error)) (*dumpReader, error) {
	records, err := s.Load(func(tracker.Record) {})
	if err != nil {
		return nil, err
	}
	origins, err := s.Origins()
	if err != nil {
		return nil, err
	}
	return newDumpReader(origins, records, refuse), nil
}

// lineReader cuts text into lines and counts them.
type lineReader struct {
	r      *bufio.Reader
	number int // of the line that next returned
}

// byteOrderMark is what some editors begin a file of UTF-8 with. Files that were
// put together have it within.
var byteOrderMark = []byte("\ufeff")

// next returns the next line without its end or a byte order mark, valid until the
// next call. It
// returns errLineLength instead of one that is too long, io.EOF after the last.
func (l *lineReader) next() ([]byte, error) {
	l.number++
	line, err := l.r.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		for err == bufio.ErrBufferFull {
			_, err = l.r.ReadSlice('\n')
		}
		if err == nil || err == io.EOF {
			err = errLineLength
		}
		return nil, err
	}
	if err == io.EOF && len(line) > 0 {
		err = nil
	}
	return bytes.TrimRight(bytes.TrimPrefix(line, byteOrderMark), "\r\n"), err
}
