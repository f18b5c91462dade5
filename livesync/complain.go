package livesync

import (
	"time"

	"keeptrack/livesync/transport"
)

// complainEvery is how often the log repeats the same complaint.
const complainEvery = time.Hour

// complaints say what is wrong with the group when a node's packets, or records
// in them, are dropped for a reason that does not go away by itself.
var complaints = map[Drop]string{
	DropPlain:         "live sync packets of an instance are refused: they are not sealed. Does it have a key?",
	DropNoKey:         "live sync packets of an instance are refused: they are sealed, and there is no key here",
	DropSealedBad:     "live sync packets of an instance are refused: they are sealed with another key, or forged",
	DropSealedStale:   "live sync packets of an instance are refused: they were sealed more than 5 minutes before or after the time here. Are the clocks right?",
	DropOverrideAhead: "live sync overrides of the access list are refused: they were made more than 5 minutes after the time here. Are the clocks right?",
	DropBadCount:      "live sync counts of an instance are refused: nobody has that many downloads. Are they forged?",
}

// complain logs the drop of a packet or record if the operator has to act. It is called
// from the receiving goroutine.
func (n *Node) complain(d Drop, from transport.Endpoint, now time.Time) {
	text, known := complaints[d]
	if !known || !n.complained[d].IsZero() && now.Sub(n.complained[d]) < complainEvery {
		return
	}
	n.complained[d] = now
	n.options.Log.Warn().Stringer("from", from).Msg(text)
}
