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
// greater count and the later last announce stay. Empty lines and those that
// begin with # are passed over. What a line is refused for goes to refused with
// its number, counted from 1, and the import goes on. After any other error the
// file holds a part of what was read. It needs about 80 MiB of memory,
// whatever the number of torrents.
func Import(path string, text io.Reader, log zerolog.Logger, refused func(line int, err error)) (res Imported, err error) {
	s, err := openWith(path, log, nil)
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var m merger
	if _, err := s.Load(func(tracker.Record) {}); err != nil {
		return res, err
	}
	write := func() error {
		written, err := s.Checkpoint(m.sort(), Along{})
		res.Changed += written.Records
		return err
	}
	lines := lineReader{r: bufio.NewReaderSize(text, maxLine)}
	for {
		line, err := lines.next()
		switch {
		case err == io.EOF:
			return res, write()
		case err != nil && err != errLineLength:
			return res, fmt.Errorf("line %d: %w", lines.number, err)
		case err == nil && (len(line) == 0 || line[0] == '#'):
			continue
		}
		res.Lines++
		if err == nil {
			err = m.add(line)
		}
		if err != nil {
			res.Refused++
			refused(lines.number, err)
		} else if len(m.added) == importBatch {
			if err := write(); err != nil {
				return res, err
			}
		}
	}
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
