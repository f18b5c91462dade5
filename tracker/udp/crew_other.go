//go:build !linux

package udp

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// serveTogether returns false: workers do not nap on this system, so that nothing is
// gained by it.
func serveTogether(context.Context, *errgroup.Group, []*crew) bool { return false }
