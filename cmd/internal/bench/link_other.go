//go:build !linux

package bench

// openLink makes the links for this system.
var openLink linkOpener = newPortableLink
