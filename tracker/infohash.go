package tracker

import (
	"encoding/hex"
	"errors"
)

// InfoHash names a torrent: the 20-byte SHA-1 of its info dictionary, or the
// first 20 bytes of the SHA-256 for a v2 torrent (BEP 3, BEP 52).
type InfoHash [20]byte

// ErrInfoHash is returned for text that is no info hash.
var ErrInfoHash = errors.New("an info hash is 40 hexadecimal digits")

// ParseInfoHash reads 40 hexadecimal digits of either case.
func ParseInfoHash(s string) (InfoHash, error) { return parseInfoHash([]byte(s)) }

func parseInfoHash(s []byte) (InfoHash, error) {
	var h InfoHash
	if len(s) != 2*len(h) {
		return InfoHash{}, ErrInfoHash
	}
	if _, err := hex.Decode(h[:], s); err != nil {
		return InfoHash{}, ErrInfoHash
	}
	return h, nil
}

// String returns the hash as 40 lower-case hexadecimal digits.
func (h InfoHash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText returns what String does, for JSON.
func (h InfoHash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText reads what ParseInfoHash does.
func (h *InfoHash) UnmarshalText(text []byte) (err error) {
	*h, err = parseInfoHash(text)
	return err
}

// Next returns the info hash that follows h in order. After the last one it returns the
// first one and false.
func (h InfoHash) Next() (next InfoHash, ok bool) {
	for i := len(h) - 1; i >= 0; i-- {
		if h[i]++; h[i] != 0 {
			return h, true
		}
	}
	return h, false
}
