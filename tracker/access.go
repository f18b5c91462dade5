package tracker

// AccessMode says how an access list is meant.
type AccessMode uint8

// The access modes.
const (
	AccessOpen  AccessMode = iota // every torrent is served
	AccessAllow                   // only the listed torrents are served
	AccessDeny                    // the listed torrents are refused
)

func (m AccessMode) String() string { return [...]string{"open", "allow", "deny"}[m] }

// Access decides which torrents are served. The zero value serves all. It must
// not be changed once it is in use.
type Access struct {
	Mode AccessMode
	// List has the listed torrents, but for those Removed from it; those Added
	// are listed too.
	List, Added, Removed *HashSet
}

// Refuses says whether a torrent is not served.
func (a *Access) Refuses(h *InfoHash) bool {
	return a.Mode != AccessOpen && a.Lists(h) == (a.Mode == AccessDeny)
}

// Lists says whether a torrent is listed, whatever the mode.
func (a *Access) Lists(h *InfoHash) bool {
	return a.Added.Has(h) || a.List.Has(h) && !a.Removed.Has(h)
}
