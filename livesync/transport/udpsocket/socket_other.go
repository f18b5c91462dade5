//go:build !linux

package udpsocket

import "net"

// Drops counts nothing: this system does not say what it drops.
type Drops struct{}

// Room returns no room.
func (d *Drops) Room() []byte { return nil }

// Take does nothing.
func (d *Drops) Take(int) {}

// Lost returns 0.
func (d *Drops) Lost() uint64 { return 0 }

// Prepare asks for a large receive buffer and returns its size. A system that
// grants less for this process refuses, and keeps its own size, which is reported
// as 0.
func Prepare(c *net.UDPConn) (granted int, err error) {
	if c.SetReadBuffer(ReceiveBuffer) != nil {
		return 0, nil
	}
	return ReceiveBuffer, nil
}
