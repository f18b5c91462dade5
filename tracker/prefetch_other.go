//go:build !(amd64 || arm64)

package tracker

import "unsafe"

// prefetchLines does nothing on this processor.
func prefetchLines(unsafe.Pointer, uintptr) {}
