package torrent

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"

	"keeptrack/tracker"
)

// List reads the info hash that each line begins with, up to white space or a colon. Empty
// lines and comments after # are passed over, and so are hashes that come again. Errors
// call the text name. A text without any is one.
func List(text io.Reader, name string) ([]tracker.InfoHash, error) {
	var hashes []tracker.InfoHash
	seen := map[tracker.InfoHash]bool{}
	lines := bufio.NewScanner(text)
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.FieldsFunc(line, func(c rune) bool { return unicode.IsSpace(c) || c == ':' })
		if len(words) == 0 {
			continue
		}
		h, err := tracker.ParseInfoHash(words[0])
		if err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", name, n, err)
		}
		if !seen[h] {
			seen[h] = true
			hashes = append(hashes, h)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(hashes) == 0 {
		return nil, fmt.Errorf("%s has no info hashes", name)
	}
	return hashes, nil
}
