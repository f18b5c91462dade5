package store

import (
	"math/bits"

	"go.etcd.io/bbolt"

	"keeptrack/tracker"
)

// A record's rank is a number of seven digits of 16 bits: the more downloads and
// then the later the last announce, the higher. The first digit is enough to tell
// counts below 1024 apart, and about those above.
const (
	rankDigits  = 7
	exactCounts = 1024
)

// rankDigit returns a digit of a record's rank.
func rankDigit(r tracker.Record, digit int) uint16 {
	switch digit {
	case 0:
		return countClass(r.Downloaded)
	case 1, 2, 3, 4:
		return uint16(r.Downloaded >> (16 * (4 - digit)))
	default:
		return uint16(r.LastAnnounce >> (16 * (6 - digit)))
	}
}

// countClass returns the count itself below exactCounts, else a number that rises
// with its length and its first 11 bits.
func countClass(n uint64) uint16 {
	if n < exactCounts {
		return uint16(n)
	}
	length := bits.Len64(n) - 11 // at most 53
	return uint16(exactCounts*(length+1)) | uint16(n>>length)&(exactCounts-1)
}

// cut is where records are cut off of which only some are wanted, those of the
// highest rank.
type cut struct {
	digits []uint16 // the first of the rank
	equal  int      // of the records whose rank begins with them, how many are wanted
}

// findCut finds where to cut off the records of a file for limit of them. It goes
// through the file once for each digit that it needs, and needs half a megabyte.
func findCut(tx *bbolt.Tx, limit int) (cut, error) {
	c := cut{equal: limit}
	counts := make([]int, 1<<16)
	for digit := 0; digit < rankDigits; digit++ {
		if digit == 1 && c.digits[0] < exactCounts { // which says it all
			n := uint64(c.digits[0])
			for ; digit <= 4; digit++ {
				c.digits = append(c.digits, rankDigit(tracker.Record{Downloaded: n}, digit))
			}
		}
		clear(counts)
		if _, _, err := walk(tx, func(r tracker.Record) {
			if c.compare(r) == 0 {
				counts[rankDigit(r, digit)]++
			}
		}); err != nil {
			return cut{}, err
		}
		d := len(counts) - 1
		for ; d > 0 && counts[d] < c.equal; d-- {
			c.equal -= counts[d]
		}
		c.digits = append(c.digits, uint16(d))
		if counts[d] <= c.equal { // all of them
			break
		}
	}
	return c, nil
}

// compare returns -1 if a record is below the cut, 1 if it is above and 0 if it
// is among those of which some are wanted.
func (c *cut) compare(r tracker.Record) int {
	for i, digit := range c.digits {
		switch d := rankDigit(r, i); {
		case d < digit:
			return -1
		case d > digit:
			return 1
		}
	}
	return 0
}

// takes reports whether a record is wanted. Of those of equal rank, the first are.
func (c *cut) takes(r tracker.Record) bool {
	switch c.compare(r) {
	case 0:
		c.equal--
		return c.equal >= 0
	case 1:
		return true
	default:
		return false
	}
}
