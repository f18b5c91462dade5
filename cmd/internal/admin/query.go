package admin

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"keeptrack/tracker"
)

// pathHash reads the info hash of a path.
func pathHash(r *http.Request) (tracker.InfoHash, error) {
	h, err := tracker.ParseInfoHash(r.PathValue("hash"))
	return h, badRequest(err)
}

// The number of elements of a reply, if the client does not say, and at most.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// page is a part of a list in order of info hash.
type page struct {
	from  tracker.InfoHash // the first that it may have
	limit int              // at least 1
}

// readPage reads the parameters after, the last info hash of the page before,
// and limit.
func readPage(r *http.Request) (p page, err error) {
	if p.limit, err = readLimit(r); err != nil {
		return page{}, err
	}
	last := r.URL.Query().Get("after")
	if last == "" {
		return p, nil
	}
	h, err := tracker.ParseInfoHash(last)
	if err != nil {
		return page{}, badRequest(fmt.Errorf("after: %w", err))
	}
	next, ok := h.Next()
	if !ok {
		return page{}, badRequest(errors.New("after: no info hash can follow it"))
	}
	p.from = next
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
func cut[T any](all []T, limit int, hash func(*T) tracker.InfoHash) (some []T, next string) {
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
