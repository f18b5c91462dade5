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
// Reading the source: packet.go has the bytes, transport.go what carries them,
// node.go ties the parts together, receive.go is a packet's way in, outbox.go
// a record's way out, and decide.go holds every decision of scrape sync as
// pure code, which scrape.go carries out.
package livesync
