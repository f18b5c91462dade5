package tracker

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"unicode"
)

// byteOrderMark is what some editors begin a file of UTF-8 with. Files that were
// put together have it within.
var byteOrderMark = []byte("\ufeff")

// ReadAccessList reads a list of info hashes: 40 hexadecimal digits a line, in
// either case. Empty lines and what follows a # are left out, and so are a byte
// order mark, white space around a hash and a remark behind it, as opentracker has it, unless that
// has another hash. An error names the line. Memory is taken for room hashes
// beforehand, and for more if there are. rest is called after every millisecond
// or so of work, for a short list never: a reader that sleeps in it leaves the
// processors to announces.
func ReadAccessList(r io.Reader, room int, rest func()) (*HashSet, error) {
	hashes := make([]InfoHash, 0, room)
	lines := bufio.NewScanner(r)
	work := shift{rest: rest}
	n := 1
	for ; lines.Scan(); n++ {
		work.did(1)
		text, _, _ := bytes.Cut(bytes.TrimPrefix(lines.Bytes(), byteOrderMark), []byte{'#'})
		if text = bytes.TrimSpace(text); len(text) == 0 {
			continue
		}
		h, err := parseInfoHash(withoutRemark(text))
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		hashes = append(hashes, h)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", n, err)
	}
	return newHashSet(hashes, rest), nil
}

// withoutRemark returns the first 40 bytes of a line if what comes then is set
// off from them and has no info hash.
func withoutRemark(line []byte) []byte {
	const size = 2 * len(InfoHash{})
	if len(line) <= size || isLetterOrDigit(rune(line[size])) {
		return line
	}
	for word := range bytes.FieldsFuncSeq(line[size:], func(r rune) bool { return !isLetterOrDigit(r) }) {
		if _, err := parseInfoHash(word); err == nil {
			return line
		}
	}
	return line[:size]
}

func isLetterOrDigit(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
