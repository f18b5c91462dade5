// Package livesync keeps a group of instances in step with opentracker's live
// sync protocol, over multicast on one network.
//
// Peer sync: what clients announce here is told to the other instances as
// SYNC_LIVE and SYNC_LIVE6 records, packed by the outbox; what they tell is
// applied to the tracker and never told again.
//
// Scrape sync: instances say in BEACONs how many torrents they serve, one that
// has far fewer INQUIREs of the one with most, and the answer is a paced
// stream of TELL packets with the counts of every torrent, merged by maximum.
//
// What the protocol leaves open is decided so: an instance that does not answer
// is asked three times in all; a stream of our own keeps us as quiet as one
// that we hear; a torrent is told a moment after its count was copied, so that
// a completion is never counted twice (see settle). What the protocol cannot
// repair stays: a lost TELL packet is not repeated, and instances with about
// equally many torrents do not compare their counts. TestAnyHistory logs the
// share of it.
//
// Reading the source: wire/packet.go has the bytes, transport.go what carries them,
// node.go ties the parts together, receive.go is a packet's way in, outbox.go
// a record's way out, and decide.go holds every decision of scrape sync as
// pure code, which scrape.go carries out.
package livesync
