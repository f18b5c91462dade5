//go:build !linux

package livesync

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
)

// Multicast carries packets by UDP multicast. It exists on Linux only.
type Multicast struct{}

var _ Transport = (*Multicast)(nil)

// ListenMulticast returns an error that wraps errors.ErrUnsupported.
func ListenMulticast(MulticastOptions) (*Multicast, error) {
	return nil, fmt.Errorf("live sync: multicast on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

// Send returns errors.ErrUnsupported.
func (*Multicast) Send([]byte) error { return errors.ErrUnsupported }

// Receive returns errors.ErrUnsupported.
func (*Multicast) Receive([]byte) (int, netip.AddrPort, error) {
	return 0, netip.AddrPort{}, errors.ErrUnsupported
}

// Lost returns 0.
func (*Multicast) Lost() uint64 { return 0 }

// Close does nothing.
func (*Multicast) Close() error { return nil }
