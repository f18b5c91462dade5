//go:build !linux

package multicast

import (
	"errors"
	"fmt"
	"runtime"

	"keeptrack/livesync/transport"
)

// open returns an error that wraps errors.ErrUnsupported.
func open(Options) (transport.Transport, error) {
	return nil, fmt.Errorf("multicast on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}
