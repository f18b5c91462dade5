package store

import (
	"bufio"
	"io"
	"os"

	"go.etcd.io/bbolt"

	"keeptrack/tracker"
)

// Export writes every record of the file at path to w as a line of text (see
// AppendLine), in order of info hash, and returns their number.
func Export(path string, w io.Writer) (n int, err error) {
	out := bufio.NewWriterSize(w, 64<<10)
	err = viewNewest(path, nil, func(tx *bbolt.Tx, _ *os.File) error {
		var line []byte
		_, _, err := walk(tx, func(r tracker.Record) {
			line = AppendLine(line[:0], r)
			_, _ = out.Write(line) // an error comes again with Flush
			n++
		})
		if err != nil {
			return damaged(path, err)
		}
		return out.Flush()
	})
	return n, err
}
