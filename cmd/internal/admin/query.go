package admin

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Hash is a torrent's info hash. As text it is 40 hexadecimal digits.
type Hash [20]byte

var errHash = errors.New("an info hash is 40 hexadecimal digits")

// String returns the hash in lower case.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText returns the hash in lower case, for JSON.
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// parseHash reads digits of either case.
func parseHash(s string) (h Hash, err error) {
	if len(s) != hex.EncodedLen(len(h)) {
		return Hash{}, errHash
	}
	if _, err := hex.Decode(h[:], []byte(s)); err != nil {
		return Hash{}, errHash
	}
	return h, nil
}

// next returns the hash after h, or false after the last.
func (h Hash) next() (Hash, bool) {
	for i := len(h) - 1; i >= 0; i-- {
		if h[i]++; h[i] != 0 {
			return h, true
		}
	}
	return h, false
}

// pathHash reads the info hash of a path.
func pathHash(r *http.Request) (Hash, error) {
	h, err := parseHash(r.PathValue("hash"))
	return h, badRequest(err)
}

// The number of elements of a reply, if the client does not say, and at most.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// page is a part of a list in order of info hash.
type page struct {
	from  Hash // the first that it may have
	limit int  // at least 1
}

// readPage reads the parameters after, the last info hash of the page before,
// and limit.
func readPage(r *http.Request) (p page, err error) {
	if p.limit, err = readLimit(r); err != nil {
		return page{}, err
	}
	after := r.URL.Query().Get("after")
	if after == "" {
		return p, nil
	}
	h, err := parseHash(after)
	if err != nil {
		return page{}, badRequest(fmt.Errorf("after: %w", err))
	}
	if p.from, _ = h.next(); p.from == (Hash{}) {
		return page{}, badRequest(errors.New("after: there is none after it"))
	}
	return p, nil
}

func readLimit(r *http.Request) (int, error) {
	text := r.URL.Query().Get("limit")
	if text == "" {
		return defaultLimit, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxLimit {
		return 0, badRequest(fmt.Errorf("limit: must be a number from 1 to %d", maxLimit))
	}
	return n, nil
}

// cut returns the first limit elements and, if there are more, the info hash to
// ask for them with.
func cut[T any](all []T, limit int, hash func(*T) Hash) (some []T, next string) {
	if len(all) <= limit {
		return orNone(all), ""
	}
	return all[:limit], hash(&all[limit-1]).String()
}

// orNone makes nil an empty list, so that it is one in JSON.
func orNone[T any](all []T) []T {
	if all == nil {
		return []T{}
	}
	return all
}

func oneOf(name, value string, values []string) error {
	if !slices.Contains(values, value) {
		return badRequest(fmt.Errorf("%s: must be one of %s", name, strings.Join(values, ", ")))
	}
	return nil
}
