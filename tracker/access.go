package tracker

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// AccessMode says how an access list is meant.
type AccessMode uint8

// The access modes.
const (
	AccessOpen  AccessMode = iota // every torrent is served
	AccessAllow                   // only the listed torrents are served
	AccessDeny                    // the listed torrents are refused
)

// Access decides which torrents are served. The zero value serves all. It must
// not be changed once it is in use.
type Access struct {
	Mode   AccessMode
	Hashes map[InfoHash]struct{}
}

func (a *Access) refuses(h *InfoHash) bool {
	if a.Mode == AccessOpen {
		return false
	}
	_, listed := a.Hashes[*h]
	return listed == (a.Mode == AccessDeny)
}

// ReadAccessList reads a list of info hashes: 40 hexadecimal digits a line, in
// either case. Empty lines and what follows a # are left out, and so is white
// space around a hash. An error names the line.
func ReadAccessList(r io.Reader) (map[InfoHash]struct{}, error) {
	hashes := make(map[InfoHash]struct{})
	lines := bufio.NewScanner(r)
	n := 1
	for ; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		h, err := ParseInfoHash(text)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		hashes[h] = struct{}{}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", n, err)
	}
	return hashes, nil
}
