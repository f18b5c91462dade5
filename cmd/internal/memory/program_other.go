//go:build !linux

package memory

// ReleaseProgram does nothing on this system.
func ReleaseProgram() error { return nil }
