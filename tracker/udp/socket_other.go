//go:build !linux

package udp

// openSockets is the opener for this system.
var openSockets opener = openPortable
