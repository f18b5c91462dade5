package store

import (
	"bufio"
	"io"
	"os"
	"slices"

	"go.etcd.io/bbolt"

	"keeptrack/tracker"
)

// Export writes every record of the file at path to w as a line of text (see
// AppendLine), in order of info hash, and returns their number.
func Export(path string, w io.Writer) (n int, err error) {
	out := bufio.NewWriterSize(w, 64<<10)
	err = viewNewest(path, nil, func(tx *bbolt.Tx, _ *os.File) error {
		var shard []tracker.Record
		var line []byte
		flush := func() {
			slices.SortFunc(shard, compareRecords)
			for _, r := range shard {
				line = AppendLine(line[:0], r)
				_, _ = out.Write(line) // an error comes again with Flush
			}
			shard = shard[:0]
		}
		n, _, err = loadRecords(tx, func(r tracker.Record) {
			if len(shard) > 0 && shard[0].InfoHash[0] != r.InfoHash[0] {
				flush()
			}
			shard = append(shard, r)
		})
		if err != nil {
			return damaged(path, err)
		}
		flush()
		return out.Flush()
	})
	return n, err
}
