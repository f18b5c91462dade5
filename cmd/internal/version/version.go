// Package version tells which build of keeptrack this is.
package version

import "runtime/debug"

// stamped is set by whoever builds without the repository, from an archive:
//
//	go build -ldflags "-X keeptrack/cmd/internal/version.stamped=v1.2.3" ./cmd/keeptrack
var stamped string

// String returns the version of the running binary: the one that the linker was
// given or else the module's version as the Go tool stamped it from the
// repository ("v1.2.3", or a pseudo-version with time and revision between
// releases), or "devel" if it knew none.
func String() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return unknown
	}
	return of(info)
}

const unknown = "devel"

func of(info *debug.BuildInfo) string {
	if stamped != "" {
		return stamped
	}
	switch v := info.Main.Version; v {
	case "", "(devel)":
		return unknown
	default:
		return v
	}
}
