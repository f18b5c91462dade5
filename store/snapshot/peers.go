package snapshot

import (
	"encoding/binary"
	"time"

	"keeptrack/tracker"
	"keeptrack/tracker/peergroup"
)

// parsePeers calls take with the peers of the payload of a block, in batches that are
// valid until it returns. since is the time from the file's header to now. batch is
// scratch, its capacity the most peers at a time.
//
// The payload is how long after the file's header its peers were looked at, in
// milliseconds, then groups of peers.
func parsePeers(payload []byte, since time.Duration, batch []tracker.PeerState, take func([]tracker.PeerState)) error {
	looked, size := binary.Uvarint(payload)
	if size <= 0 {
		return peergroup.ErrMalformed
	}
	add := uint64((max(since-milliseconds(looked), 0) + time.Second - 1) / time.Second)
	return peergroup.Parse(payload[size:], add, batch, take)
}
