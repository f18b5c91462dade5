package store

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"keeptrack/tracker"
)

// The comment lines that mean something. All others are passed over.
const (
	partsHead    = "#parts"   // what follows has lines for all parts that there are
	floorsHead   = "#floors"  // of a torrent without an excess, all but its parts is one
	foldedPrefix = "#folded " // an origin
	partPrefix   = "#part "   // a part of the torrent whose line comes next
)

// What can be wrong with a comment line.
var (
	errPartLine   = errors.New("not #part hash<TAB>origin<TAB>value")
	errOriginText = errors.New("the origin is not 16 hexadecimal digits")
	errPartTwice  = errors.New("the part comes twice")
	errPartAlone  = errors.New("no line of its torrent follows the part")
)

// appendFolded appends the line of a folded origin.
func appendFolded(dst []byte, o tracker.Origin) []byte {
	return append(hex.AppendEncode(append(dst, foldedPrefix...), o[:]), '\n')
}

// appendPartLine appends the line of a part.
func appendPartLine(dst []byte, p tracker.TorrentPart) []byte {
	dst = hex.AppendEncode(append(dst, partPrefix...), p.InfoHash[:])
	dst = hex.AppendEncode(append(dst, '\t'), p.Origin[:])
	return append(strconv.AppendUint(append(dst, '\t'), p.Value, 10), '\n')
}

// parsePartLine reads what follows partPrefix.
func parsePartLine(line []byte) (p tracker.TorrentPart, err error) {
	fields := bytes.Split(line, []byte{'\t'})
	if len(fields) != 3 {
		return p, errPartLine
	}
	if !decodeHex(p.InfoHash[:], fields[0]) {
		return p, errInfoHash
	}
	if !decodeHex(p.Origin[:], fields[1]) {
		return p, errOriginText
	}
	if p.Value, err = parseNumber(fields[2], tracker.MaxDownloaded); err != nil {
		return p, fmt.Errorf("value: %w", err)
	}
	return p, nil
}

// parseFolded reads what follows foldedPrefix.
func parseFolded(line []byte) (o tracker.Origin, err error) {
	if !decodeHex(o[:], line) || o == tracker.Nobody {
		return o, errOriginText
	}
	return o, nil
}

// decodeHex fills dst from hexadecimal digits, and reports whether text is as many.
func decodeHex(dst, text []byte) bool {
	if len(text) != 2*len(dst) {
		return false
	}
	_, err := hex.Decode(dst, text)
	return err == nil
}
