package daemon

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"keeptrack/tracker"
)

const (
	// unreachableCheck is how soon after its first case the log warns of peers
	// that are not stored because nobody could reach them: long enough for more
	// to show where they come from.
	unreachableCheck = 5 * time.Second
	// unreachablePause is how long it then says nothing more of them.
	unreachablePause = time.Hour
)

// unreachableWarner tells in the log of peers that are answered and not stored
// because nobody could reach them. Otherwise a tracker behind a NAT or a proxy
// that it does not know of seems to work, and no client ever gets a peer.
type unreachableWarner struct {
	silent
	tracker *tracker.Tracker
	log     zerolog.Logger
	warned  [tracker.RejectionCount]uint64 // announces told of so far, by reason
}

// Run warns until ctx is done.
func (w *unreachableWarner) Run(ctx context.Context) error {
	wait := unreachableCheck
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		if wait = unreachableCheck; w.warn() {
			wait = unreachablePause
		}
	}
}

// warn writes a line if there were announces of such peers since the last one.
func (w *unreachableWarner) warn() (warned bool) {
	reasons := zerolog.Dict()
	for r, n := range w.tracker.Stats().PeersRejected {
		if reason := tracker.Rejection(r); reason.Unreachable() && n > w.warned[r] {
			reasons.Uint64(reason.String(), n-w.warned[r])
			w.warned[r], warned = n, true
		}
	}
	if !warned {
		return false
	}
	line := w.log.Warn().Dict("announces", reasons)
	if from := w.tracker.TakeUnreachable(); from.Announces > 0 {
		network := from.Network.String()
		if from.Network.Addr().IsUnspecified() {
			network = "unix socket"
		}
		line.Str("most_from", network).Uint64("from_there", from.Announces)
	}
	line.Msg("peers are answered but not stored, because others could not reach them; if there is a proxy, NAT or container bridge of yours, " +
		"see \"Peers that are not stored\" in docs/operate.md")
	return true
}
