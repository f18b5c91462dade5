//go:build !linux

package privilege

// confine has nothing to do: there are no capabilities.
func confine() error { return nil }

// shed has nothing to do either.
func shed() error { return nil }
