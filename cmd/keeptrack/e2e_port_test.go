package main

import (
	"math/rand/v2"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
)

// Ports that programs are told to use come from below those that systems give
// to sockets whose program does not care, so that none of those takes a port
// before the program has started.
const (
	firstPort = 10_000
	portCount = 20_000
)

// lastPort counts from anywhere, for those who test on the same host.
var lastPort atomic.Uint32

func init() { lastPort.Store(rand.Uint32N(portCount)) }

// freePort returns a port of the loopback interface that is not in use, for
// UDP and TCP. It returns none twice.
func freePort(t *testing.T) int {
	t.Helper()
	for range portCount {
		port := firstPort + int(lastPort.Add(1)%portCount)
		if !taken("127.0.0.1:" + strconv.Itoa(port)) {
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// taken says whether a port is in use for UDP or TCP.
func taken(address string) bool {
	u, err := net.ListenPacket("udp", address)
	if err != nil {
		return true
	}
	u.Close()
	l, err := net.Listen("tcp", address)
	if err != nil {
		return true
	}
	l.Close()
	return false
}
