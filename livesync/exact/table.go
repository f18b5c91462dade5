package exact

import (
	"time"

	"keeptrack/tracker"
)

// Record is a part of a torrent.
type Record = tracker.PartRecord

// Result is what became of a Record.
type Result = tracker.PartResult

// Table holds the counts of all torrents. What is shown of a torrent is the larger of
// its floor and the sum of nobody's part and all other parts.
//
// A torrent that has a part of an origin is not let go, however long ago it was last
// announced: so all members hold the same of an origin until it is folded.
//
// The table tells the Ledger, as tracker.Ledger says, of each change of a part or of
// nobody's part, and of each torrent that it creates, whoever announced it.
type Table interface {
	// Begin has completions counted for origin o from now on. When it returns, none is
	// being counted for the one before.
	Begin(o Origin)
	// Raise takes in the part of an origin, or nobody's: the higher value holds, and
	// the later announce. A torrent that is unknown is created. One whose record is of
	// nobody's part, too old and not Kept is refused, see Options.Fresh.
	Raise(now time.Time, o Origin, r Record) Result
	// Part returns the part of an origin, or nobody's, 0 if there is none.
	Part(o Origin, h *tracker.InfoHash) uint64
	// Page appends up to limit records of parts of an origin, or nobody's, in order of
	// info hash, from the first that is not before from to those of range last, the
	// first two bytes of an info hash. It returns whether there are more.
	Page(now time.Time, o Origin, from tracker.InfoHash, last uint16, limit int, dst []Record) (_ []Record, more bool)
	// Fold adds the parts of these origins to nobody's.
	Fold([]Origin)
	// RaiseFloor takes in the total that a stranger told of a torrent. One above what is
	// shown becomes the floor, which RaiseFloor reports. A floor rises with each
	// completion that this instance counts itself.
	RaiseFloor(now time.Time, r Record) bool
	// Floors reports whether the count of some torrent may be above its sum.
	Floors() bool
	// EndFloors makes what the floors are above the sums nobody's.
	EndFloors()
}
