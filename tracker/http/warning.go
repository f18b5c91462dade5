package http

import "keeptrack/tracker"

// warnings are what a client that is answered and not stored is told, since
// nothing else shows it that nobody will connect to it.
var warnings = [tracker.TurnedCount]string{
	tracker.TurnedPeers:     "too many peers at your address: others are not told of you",
	tracker.TurnedTorrents:  "too many torrents at your address: others are not told of you",
	tracker.TurnedSwarm:     "too many peers in this torrent: others are not told of you",
	tracker.TurnedPort:      "no port given: others are not told of you",
	tracker.TurnedAddress:   "your address is not public: others are not told of you",
	tracker.TurnedUnnamed:   "the proxy in between does not name your address: others are not told of you",
	tracker.TurnedUntrusted: "the proxy in between is not trusted: others are not told of you",

	tracker.TurnedMemory:      "the tracker is full: others are not told of you",
	tracker.TurnedMaxTorrents: "the tracker has no room for another torrent: others are not told of you",
}
