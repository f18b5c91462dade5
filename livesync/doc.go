// Package livesync keeps a group of instances in step with opentracker's live
// sync protocol.
//
// Peer sync: an instance publishes what clients announce to it, as SYNC_LIVE and
// SYNC_LIVE6 records that the outbox packs. What others publish is applied to the
// tracker and never published again.
//
// Scrape sync: instances say in BEACONs how many torrents they serve. One that
// has far fewer sends an INQUIRE to the one with most. The answer is a paced
// stream of TELL packets with the counts of every torrent, merged by maximum.
//
// Exact counts: instances that keep downloaded counts by origins, see package exact, are
// members to each other. Each tells the others the values of its own parts, and finds and
// mends what was lost. A member marks the completions in its SYNC_LIVE records that its
// parts tell, and other members do not count those. Programs that know no origins are
// strangers: for them members go on with scrape sync, and take in what they tell as floors.
//
// The protocol leaves some things open. Here, an instance that does not answer
// is asked three times in all. A stream of our own keeps us as quiet as one
// that we hear. A torrent is told a moment after its count was copied, so that
// a completion is never counted twice (see stream.window). Between strangers some losses
// cannot be repaired: a lost TELL packet is not repeated, and those with about
// equally many torrents do not compare their counts. TestAnyHistory logs how
// much that leaves. Members compare all counts, and lose none.
//
// Reading the source: package wire has the bytes and package transport what
// carries them. node.go ties the parts together, receive.go is a packet's way in,
// outbox.go a record's way out. decide.go holds every decision of scrape sync as
// pure code, and scrape.go carries them out. filling.go decides how an instance gets
// the group's peers after its start and outgoing.go what of a stream of peers goes when;
// newcomer.go and telling.go carry that out. counting.go is the shell around package exact, and
// strangers.go what is done for those who know no origins. lost.go finds and makes good lost
// packets with peers. Who asks waits for its turn in a fairqueue.go.
package livesync
