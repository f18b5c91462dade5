package admin

import (
	"errors"
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
	// Label names this instance in the overrides that are made here.
	Label string `json:"label"`
	// Spreads says whether other instances are told of them.
	Spreads bool `json:"spreads"`
}

// Override is a decision about an info hash: that it was added to the access list,
// or taken off it.
type Override struct {
	InfoHash tracker.InfoHash `json:"info_hash"`
	// Listed is what that means for the list of the mode in force, and Decision is
	// "serve" or "refuse"; empty if that depends on a mode and the mode is open.
	Listed   bool   `json:"listed"`
	Decision string `json:"decision"`
	// Since is when it was made, and Origin the label of the instance where; empty
	// if that is not known.
	Since  time.Time `json:"since"`
	Origin string    `json:"origin"`
	// Local says that it was made before overrides spread and stays here.
	Local bool `json:"local"`
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
	// Spreads says whether other instances are told of overrides made here.
	Spreads bool `json:"spreads"`
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

// decide reads what is decided from the parameter decision, since bodies are not
// read.
func decide(a API, r *http.Request) (any, error) {
	h, err := pathHash(r)
	if err != nil {
		return nil, err
	}
	decision := r.URL.Query().Get("decision")
	if decision != "refuse" && decision != "serve" {
		return nil, badRequest(errors.New("decision: must be one of refuse, serve"))
	}
	if err := a.Decide(h, decision == "refuse", clientOf(r)); err != nil {
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
