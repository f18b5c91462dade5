//go:build !(linux && (amd64 || arm64))

package memory

// ReleaseProgram does nothing on this system.
func ReleaseProgram() error { return nil }
