//go:build !linux

package privilege

// confine has nothing to do: there are no capabilities.
func confine() (ok bool, err error) { return true, nil }

// shed has nothing to do either.
func shed() error { return nil }
