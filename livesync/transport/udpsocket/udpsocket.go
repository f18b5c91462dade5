// Package udpsocket holds what the transports over UDP ask of the system for a
// socket that they receive from.
package udpsocket

import (
	"fmt"

	"github.com/rs/zerolog"
)

// ReceiveBuffer is the size of a receiving socket's buffer that is asked of the
// system, in bytes: room for a burst of 8,000 small packets.
const ReceiveBuffer = 8 << 20

// Listening begins a line that says how large a receive buffer was granted: a
// warning with what to do if it is smaller than asked for.
func Listening(log zerolog.Logger, granted int) *zerolog.Event {
	line := log.Info()
	if granted < ReceiveBuffer {
		line = log.Warn().Str("hint", fmt.Sprintf("sysctl -w net.core.rmem_max=%d", ReceiveBuffer))
	}
	return line.Int("receive_buffer", granted)
}
