//go:build amd64 || arm64

package tracker

import "unsafe"

// prefetchLines begins to fetch the cache lines that hold the size bytes at p,
// and the first one if size is 0. It does not wait, may be given any address
// and changes nothing but the time that a program takes.
//
//go:noescape
func prefetchLines(p unsafe.Pointer, size uintptr)
