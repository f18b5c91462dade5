package store

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"

	"keeptrack/tracker"
)

// What can be wrong with a line.
var (
	errFields   = errors.New("neither hash<TAB>downloaded<TAB>last-announce nor HASH:base:downloaded")
	errInfoHash = errors.New("the info hash is not 40 hexadecimal digits")
	errNumber   = errors.New("not a number")
	errTooLarge = errors.New("larger than")
)

// AppendLine appends the record as a line of text:
// hash<TAB>downloaded<TAB>last-announce, the info hash in lower-case
// hexadecimal digits, the last announce in minutes since 1970-01-01 UTC.
func AppendLine(dst []byte, r tracker.Record) []byte {
	dst = hex.AppendEncode(dst, r.InfoHash[:])
	dst = append(dst, '\t')
	dst = strconv.AppendUint(dst, r.Downloaded, 10)
	dst = append(dst, '\t')
	dst = strconv.AppendUint(dst, uint64(r.LastAnnounce), 10)
	return append(dst, '\n')
}

// ParseLine reads a line without its end: one of AppendLine or one of
// opentracker's state dump, HASH:base:downloaded, where base is the last
// announce in the same minutes.
func ParseLine(line []byte) (r tracker.Record, err error) {
	fields, last, count := bytes.Split(line, []byte{'\t'}), 2, 1
	if len(fields) == 1 {
		fields, last, count = bytes.Split(line, []byte{':'}), 1, 2
	}
	if len(fields) != 3 {
		return r, errFields
	}
	if len(fields[0]) != 2*hashSize {
		return r, errInfoHash
	}
	if _, err := hex.Decode(r.InfoHash[:], fields[0]); err != nil {
		return r, errInfoHash
	}
	if r.Downloaded, err = parseNumber(fields[count], tracker.MaxDownloaded); err != nil {
		return r, fmt.Errorf("downloaded: %w", err)
	}
	minute, err := parseNumber(fields[last], math.MaxUint32)
	if err != nil {
		return r, fmt.Errorf("last announce: %w", err)
	}
	r.LastAnnounce = uint32(minute)
	return r, nil
}

// parseNumber reads decimal digits alone, up to most.
func parseNumber(b []byte, most uint64) (uint64, error) {
	n, err := strconv.ParseUint(string(b), 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange) || err == nil && n > most:
		return 0, fmt.Errorf("%w %d", errTooLarge, most)
	case err != nil:
		return 0, errNumber
	}
	return n, nil
}
