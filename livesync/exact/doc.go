// Package exact keeps the downloaded counts of a group of instances equal and
// right, whatever the network between them does. It is pure code: whoever uses it
// gives it the time, hands it the messages that came and sends those it returns.
//
// A count is nobody's part plus a part for each origin. An origin is one stretch of
// one instance's counting. Only its instance raises its part, and what is sent is the
// part's new value, so messages may be lost, repeated and reordered: of two values
// the higher one holds. (A grow-only counter; Shapiro et al., "Conflict-free
// Replicated Data Types", 2011.)
//
// Every start begins an origin, and so does a day of counting. Once every member has
// all of an origin that has ended, it is folded: its part is added to nobody's.
// Nobody's part is merged only between instances that have folded the same origins.
//
// What was lost is found in two ways. Messages with parts are numbered, so a receiver
// asks again for those that it lacks. And every instance has digests of the parts of
// each origin and of nobody's part, for 65,536 ranges of info hashes, with roots above
// them: a hello has the roots, and where they differ the ranges are looked for that do.
//
// The table is tracker.Parts; livesync/counting.go holds the timer and sends, and the
// database keeps the parts with the records and the state of the group with both.
//
// Reading the source: message.go has what members say, table.go what is kept of a
// torrent, digest.go and ledger.go the digests and the numbers. group.go ties them
// together, beat.go has what is done in time and answer.go what is answered. members.go,
// folding.go, floors.go, received.go, compare.go, names.go, session.go, ranges.go and
// standin.go have a rule each.
package exact
