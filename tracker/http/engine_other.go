//go:build !linux

package http

import "net"

// carriers gives each listener its engine.
func carriers(listeners []net.Listener) []carrier { return []carrier{{serveNet, listeners}} }
