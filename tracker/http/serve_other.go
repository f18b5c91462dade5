//go:build !linux

package http

// serve is the serveFunc for this system.
var serve serveFunc = servePortable
