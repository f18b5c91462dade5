// Package torrent finds the info hashes of what names a torrent: its hexadecimal digits,
// a magnet link, a .torrent file.
package torrent

import (
	"crypto/sha1" // names torrents since BEP 3
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"keeptrack/tracker"
	"keeptrack/tracker/bencode"
)

// maxFile is the most bytes that a .torrent file may have.
const maxFile = 64 << 20

var (
	errMagnet = errors.New("a magnet link without an info hash (xt=urn:btih:... or urn:btmh:...)")
	errFile   = errors.New("not a .torrent file")
	errName   = errors.New("not an info hash of 40 hexadecimal digits, a magnet link or a .torrent file")
)

// Hashes returns the info hashes of what name is: 40 hexadecimal digits, a magnet link
// (BEP 9) or the path of a .torrent file. A hybrid torrent (BEP 52) has two, that of
// version 1 first; of version 2, clients announce the first 20 bytes.
func Hashes(name string) ([]tracker.InfoHash, error) {
	if h, err := tracker.ParseInfoHash(name); err == nil {
		return []tracker.InfoHash{h}, nil
	}
	if strings.HasPrefix(name, "magnet:") {
		return Magnet(name)
	}
	if !strings.HasSuffix(strings.ToLower(name), ".torrent") {
		return nil, fmt.Errorf("%s: %w", name, errName)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	hashes, err := File(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return hashes, nil
}

// Magnet returns the info hashes of a magnet link.
func Magnet(link string) ([]tracker.InfoHash, error) {
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "magnet" {
		return nil, errMagnet
	}
	var first, second []tracker.InfoHash
	for _, topic := range u.Query()["xt"] {
		if digits, ok := strings.CutPrefix(topic, "urn:btih:"); ok {
			if h, ok := parseVersion1(digits); ok {
				first = append(first, h)
			}
		}
		if digits, ok := strings.CutPrefix(topic, "urn:btmh:1220"); ok { // a multihash: SHA-256, 32 bytes
			if b, err := hex.DecodeString(digits); err == nil && len(b) == sha256.Size {
				second = append(second, tracker.InfoHash(b))
			}
		}
	}
	if len(first)+len(second) == 0 {
		return nil, errMagnet
	}
	return append(first, second...), nil
}

// parseVersion1 reads the digits of a link's info hash: hexadecimal or, in old links,
// base32.
func parseVersion1(digits string) (h tracker.InfoHash, ok bool) {
	if h, err := tracker.ParseInfoHash(digits); err == nil {
		return h, true
	}
	b, err := base32.StdEncoding.DecodeString(strings.ToUpper(digits))
	if err != nil || len(b) != len(h) {
		return h, false
	}
	return tracker.InfoHash(b), true
}

// File returns the info hashes of a .torrent file's bytes.
func File(data []byte) ([]tracker.InfoHash, error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("%w: longer than %d bytes", errFile, maxFile)
	}
	var info []byte
	r := bencode.NewReader(data)
	r.Dictionary(func(key []byte) {
		if value := r.Raw(); string(key) == "info" {
			info = value
		}
	})
	if err := r.End(); err != nil {
		return nil, fmt.Errorf("%w: %w", errFile, err)
	}
	if len(info) == 0 || info[0] != 'd' {
		return nil, fmt.Errorf("%w: it has no info", errFile)
	}
	version1, version2 := versions(info)
	var hashes []tracker.InfoHash
	if version1 || !version2 {
		hashes = append(hashes, sha1.Sum(info))
	}
	if version2 {
		sum := sha256.Sum256(info)
		hashes = append(hashes, tracker.InfoHash(sum[:]))
	}
	return hashes, nil
}

// versions reports what versions of BitTorrent an info dictionary is for.
func versions(info []byte) (first, second bool) {
	r := bencode.NewReader(info)
	r.Dictionary(func(key []byte) {
		switch value := r.Raw(); string(key) {
		case "pieces":
			first = true
		case "meta version":
			second = string(value) == "i2e"
		}
	})
	return first, second
}
