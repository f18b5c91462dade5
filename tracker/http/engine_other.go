//go:build !linux

package http

import "net"

// carriers gives each listener its engine.
func (s *service) carriers(listeners []net.Listener) []carrier {
	return []carrier{{serveNet, listeners}}
}
