package admin

import (
	"net/http"
	"time"

	"keeptrack/tracker"
)

// AccessList describes the access list in force.
type AccessList struct {
	Mode string `json:"mode"`
	// File is where the list comes from and FileHashes how many it holds; in
	// mode open it is not read.
	File       string `json:"file"`
	FileHashes int    `json:"file_hashes"`
	// Overrides counts what was added to the list and taken off it.
	Overrides int `json:"override_count"`
}

// Override is an info hash that was added to the access list, or taken off it.
type Override struct {
	InfoHash tracker.InfoHash `json:"info_hash"`
	Listed   bool             `json:"listed"`
	// Since is when that was, in whole seconds.
	Since time.Time `json:"since"`
}

// Listed is what the access list says of an info hash.
type Listed struct {
	InfoHash tracker.InfoHash `json:"info_hash"`
	InFile   bool             `json:"in_file"`
	// Override, if there is one, prevails over the file.
	Override *Override `json:"override"`
	Listed   bool      `json:"listed"`
	// Refused says whether that makes the torrent refused, in the mode in force.
	Refused bool `json:"refused"`
}

func getAccess(a API, r *http.Request) (any, error) {
	p, err := readPage(r)
	if err != nil {
		return nil, err
	}
	overrides, next := cut(a.Overrides(p.from, p.limit+1), p.limit, func(o *Override) tracker.InfoHash { return o.InfoHash })
	return struct {
		AccessList
		Overrides []Override `json:"overrides"`
		Next      string     `json:"next,omitempty"`
	}{a.AccessList(), overrides, next}, nil
}

func getListed(a API, r *http.Request) (any, error) {
	h, err := pathHash(r)
	if err != nil {
		return nil, err
	}
	return a.Listed(h), nil
}

func setListed(a API, r *http.Request, listed bool) (any, error) {
	h, err := pathHash(r)
	if err != nil {
		return nil, err
	}
	if err := a.List(h, listed, clientOf(r)); err != nil {
		return nil, err
	}
	return a.Listed(h), nil
}

func forget(a API, r *http.Request) (any, error) {
	h, err := pathHash(r)
	if err != nil {
		return nil, err
	}
	if err := a.Forget(h, clientOf(r)); err != nil {
		return nil, err
	}
	return a.Listed(h), nil
}

func reloadAccess(a API, r *http.Request) (any, error) {
	if err := a.ReloadAccess(clientOf(r)); err != nil {
		return nil, err
	}
	return a.AccessList(), nil
}
