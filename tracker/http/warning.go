package http

import "keeptrack/tracker"

// warnings are what a client that is answered and not stored is told, since
// nothing else shows it that nobody will connect to it.
var warnings = [tracker.RejectionCount]string{
	tracker.RejectedPeers:     "too many peers at your address: others are not told of you",
	tracker.RejectedTorrents:  "too many torrents at your address: others are not told of you",
	tracker.RejectedSwarm:     "too many peers in this torrent: others are not told of you",
	tracker.RejectedPort:      "no port given: others are not told of you",
	tracker.RejectedAddress:   "your address is not public: others are not told of you",
	tracker.RejectedUnnamed:   "the proxy in between does not name your address: others are not told of you",
	tracker.RejectedUntrusted: "the proxy in between is not trusted: others are not told of you",

	tracker.RejectedMemory:      "the tracker is full: others are not told of you",
	tracker.RejectedMaxTorrents: "the tracker has no room for another torrent: others are not told of you",
}
