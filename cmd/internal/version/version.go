// Package version tells which build of keeptrack this is.
package version

import "runtime/debug"

// String returns the version of the running binary: the module's version as
// the Go tool stamped it from the repository ("v1.2.3", or a pseudo-version
// with time and revision between releases), or "devel" if it knew none.
func String() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return unknown
	}
	return of(info)
}

const unknown = "devel"

func of(info *debug.BuildInfo) string {
	switch v := info.Main.Version; v {
	case "", "(devel)":
		return unknown
	default:
		return v
	}
}
